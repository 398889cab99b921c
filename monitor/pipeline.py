"""One batch, one way: validate → clean → mask → match → read → store. Returns its account."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from monitor import dedupe, intake, normalise, privacy
from monitor.domain import (
    Account,
    Attribution,
    Brand,
    Engagement,
    Entry,
    Mention,
    Reading,
    Rejection,
    Scale,
    Span,
)
from monitor.match import Matcher
from monitor.scoring import target_spans

if TYPE_CHECKING:
    from models.records import Judgement, TextReading
    from monitor.store import Store

Targets = Sequence[Mapping[str, Sequence[Span]]]


class Reader(Protocol):
    """What reads texts: the shipped model, or a baseline."""

    @property
    def version(self) -> str:
        """Name of the model and its weights."""

    def with_words(self, words: Sequence[str]) -> Reader:
        """Return the same reader, knowing these words."""

    def read(
        self, texts: Sequence[str], targets: Targets | None = None, *, cues: bool = False
    ) -> list[TextReading]:
        """Read texts, and for each the targets that stand in it."""


class Pipeline:
    """Takes batches of rows in, from whatever source, and stores what they say.

    Brands are looked up anew whenever they changed; the matcher and the reader that knows the
    brand words are swapped as a whole, so that batches under way are not disturbed.
    """

    def __init__(
        self, store: Store, reader: Reader, pepper: bytes, clock: Callable[[], int]
    ) -> None:
        self._store = store
        self._plain_reader = reader
        self._pepper = pepper
        self._clock = clock
        self._lock = threading.Lock()
        self._version: int | None = None
        self._brands: tuple[Brand, ...] = ()
        self._matcher = Matcher([])
        self._reader = reader

    def ingest(
        self,
        rows: Sequence[Any],
        *,
        default_brands: Sequence[str] = (),
        allowed: frozenset[str] | None = None,
        first_index: int = 0,
        idempotency: tuple[str, bytes] | None = None,
    ) -> Account:
        """Take a batch in and give the account of it.

        Parameters
        ----------
        rows : sequence
            Decoded rows in the shape of `intake.MentionIn`.
        default_brands : sequence of str
            Brands that every row is about, beside those it names.
        allowed : frozenset of str, optional
            The only brands that rows may name.
        first_index : int
            The number of the first row, for the rejections.
        idempotency : (key, digest), optional
            See `Mentions.write`.

        Raises
        ------
        StoreUnavailable, Conflict

        """
        if idempotency and (held := self._store.mentions.replay(idempotency)) is not None:
            return held
        brands, matcher, reader = self._current()
        now = self._clock()
        good, rejected = intake.validate(rows, now, first_index=first_index)
        known = {brand.id for brand in brands}
        kept = []
        for index, row in good:
            refusal = _brand_refusal(index, [*row.brands, *default_brands], known, allowed)
            if refusal:
                rejected.append(refusal)
            else:
                kept.append(row)
        mentions = self._mentions(kept, tuple(default_brands))
        entries = _entries(mentions, matcher, reader)
        rejected.sort(key=lambda rejection: rejection.index)
        return self._store.mentions.write(entries, now, rejected=rejected, idempotency=idempotency)

    def read(
        self, texts: Sequence[str], target: str | None = None
    ) -> tuple[str, list[str], list[TextReading]]:
        """Read texts that are not stored: model version, the texts as read, their readings."""
        _, _, reader = self._current()
        plain = normalise.fold([normalise.clean(text) for text in texts])
        targets = None if target is None else [target_spans(text, target) for text in plain]
        return reader.version, plain, reader.read(plain, targets, cues=True)

    def explain(
        self, brand: str, mentions: Sequence[tuple[str, str]]
    ) -> list[tuple[str, Judgement]]:
        """Read stored (title, text) pairs again for one brand, with the cues that decided.

        Returns for each the analysed text and its judgement towards the brand.
        """
        _, matcher, reader = self._current()
        plain = normalise.fold([normalise.analysed(title, text) for title, text in mentions])
        spans = [{b: s for b, s in found.items() if b == brand} for found in matcher.match(plain)]
        readings = reader.read(plain, spans, cues=True)
        return [
            (text, reading.targets.get(brand, reading.document))
            for text, reading in zip(plain, readings, strict=True)
        ]

    def _current(self) -> tuple[tuple[Brand, ...], Matcher, Reader]:
        with self._lock:
            version = self._store.brands.version()
            if version != self._version:
                self._brands = tuple(self._store.brands.all())
                self._matcher = Matcher(self._brands)
                self._reader = self._plain_reader.with_words(self._matcher.words)
                self._version = version
            return self._brands, self._matcher, self._reader

    def _mentions(
        self, rows: Sequence[intake.MentionIn], default_brands: tuple[str, ...]
    ) -> list[Mention]:
        titles = [privacy.mask(normalise.clean(row.title or "")) for row in rows]
        parts = [normalise.split_repost(privacy.mask(normalise.clean(row.text))) for row in rows]
        plain = normalise.fold(
            [normalise.analysed(t, own) for t, (own, _) in zip(titles, parts, strict=True)]
        )
        return [
            _mention(row, title, own, quoted, text, default_brands, self._pepper)
            for row, title, (own, quoted), text in zip(rows, titles, parts, plain, strict=True)
        ]


def _mention(
    row: intake.MentionIn,
    title: str,
    own: str,
    quoted: str,
    plain: str,
    default_brands: tuple[str, ...],
    pepper: bytes,
) -> Mention:
    author = row.author or intake.AuthorIn()
    counters = row.engagement.model_dump() if row.engagement else {}
    return Mention(
        platform=row.platform,
        kind=row.kind,
        native_id=row.id,
        published_at=row.published_at,
        text=own,
        plain=plain,
        title=title,
        quoted=quoted,
        parent_id=row.parent_id,
        root_id=row.root_id,
        brands=tuple(dict.fromkeys((*row.brands, *default_brands))),
        author=_pseudonym(pepper, row.platform, author),
        followers=author.followers,
        verified=author.verified,
        url=(normalise.canonical_url(row.url) or None) if row.url else None,
        region=normalise.clean(row.region) or None if row.region else None,
        engagement=Engagement(**counters),
        rating_value=row.rating.value if row.rating else None,
        rating_scale=row.rating.scale if row.rating else None,
    )


def _pseudonym(pepper: bytes, platform: str, author: intake.AuthorIn) -> str | None:
    if author.hash is not None:
        return privacy.pseudonym_from_hash(pepper, platform, author.hash)
    # A name stands for a person only where no id is known; both never meet.
    who = author.id if author.id is not None else f"name:{author.name}" if author.name else None
    return None if who is None else privacy.pseudonym(pepper, platform, who)


def _entries(mentions: Sequence[Mention], matcher: Matcher, reader: Reader) -> list[Entry]:
    own = matcher.match([mention.plain for mention in mentions])
    quoted = matcher.match(normalise.fold([mention.quoted for mention in mentions]))
    readings = reader.read([mention.plain for mention in mentions], own)
    return [
        _entry(mention, named, cited, reading, reader.version)
        for mention, named, cited, reading in zip(mentions, own, quoted, readings, strict=True)
    ]


def _entry(
    mention: Mention,
    named: Mapping[str, Sequence[Span]],
    cited: Mapping[str, Sequence[Span]],
    reading: TextReading,
    version: str,
) -> Entry:
    document = _rated(mention) or _reading(reading.document, version)
    attributions = []
    for brand in dict.fromkeys((*mention.brands, *named, *cited)):
        judged = reading.targets.get(brand)
        attributions.append(
            Attribution(
                brand,
                "sender" if brand in mention.brands else "text",
                document if judged is None else _reading(judged, version),
            )
        )
    return Entry(
        mention=mention,
        identity=dedupe.identity(mention.platform, mention.kind, mention.native_id),
        text_key=dedupe.text_key(mention.plain),
        attributions=tuple(attributions),
        document=document,
        risks=tuple(dict.fromkeys(hit.topic for hit in reading.risks)),
        intent=reading.intent,
    )


def _reading(judgement: Judgement, version: str) -> Reading:
    return Reading(judgement.label, judgement.score, judgement.confidence, version)


_RATED: dict[Scale, tuple[float, float]] = {
    "stars5": (2, 4),
    "csat5": (2, 4),
    "nps10": (6, 9),
}


def _rated(mention: Mention) -> Reading | None:
    """The reading of an answer without words: its own rating, where the scale says good or bad."""
    if mention.plain or mention.rating_scale not in _RATED or mention.rating_value is None:
        return None
    bad, good = _RATED[mention.rating_scale]
    value = mention.rating_value
    label = 1 if value >= good else -1 if value <= bad else 0
    return Reading(label, float(label), 0.9, "rating")


def _brand_refusal(
    index: int, wanted: Sequence[str], known: set[str], allowed: frozenset[str] | None
) -> Rejection | None:
    for brand in wanted:
        # A key that may not see a brand does not learn whether it exists.
        if brand not in known or (allowed is not None and brand not in allowed):
            return Rejection(
                index,
                "brands",
                f"没有品牌“{brand}” / no such brand: {brand}",
                "请先建立品牌，或改用已有的品牌编号 / add the brand first, or use an existing id",
            )
    return None
