"""One batch, one way: validate → clean → mask → match → read → store. Returns its account."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from monitor import dedupe, intake, normalise, privacy
from monitor.domain import (
    Account,
    AspectNote,
    Attribution,
    Brand,
    Engagement,
    Entry,
    Mention,
    Reading,
    Rejection,
    Span,
    Traits,
)
from monitor.match import Matcher
from monitor.scoring import target_spans

if TYPE_CHECKING:
    from models.adapter import Adapter
    from models.records import Judgement, TextReading
    from monitor.store import MentionView, Store

Targets = Sequence[Mapping[str, Sequence[Span]]]
OwnAspects = Mapping[str, Mapping[str, Sequence[str]]]


class Reader(Protocol):
    """What reads texts: the shipped model, or a baseline."""

    @property
    def version(self) -> str:
        """Name of the model and its weights."""

    def with_words(self, words: Sequence[str], aspects: OwnAspects | None = None) -> Reader:
        """Return the same reader, knowing these words, and brands' own words for aspects."""

    def read(
        self,
        texts: Sequence[str],
        targets: Targets | None = None,
        *,
        platforms: Sequence[str] | None = None,
        adapters: Sequence[Mapping[str, Adapter]] | None = None,
        topics: bool = False,
        cues: bool = False,
        keywords: bool = False,
    ) -> list[TextReading]:
        """Read texts, and for each its targets, adapted by what was learned about them."""


@dataclass(frozen=True, slots=True)
class _Known:
    """The brands at one moment, and everything that is made of them."""

    brands: tuple[Brand, ...]
    matcher: Matcher
    reader: Reader
    adapters: Mapping[tuple[str, str], Adapter]

    def adapter(self, brand: str, platform: str) -> Adapter | None:
        """Return what was learned about a brand on a platform, or else anywhere."""
        if not self.adapters:
            return None
        return self.adapters.get((brand, platform)) or self.adapters.get((brand, ""))

    def taught(self, brands: Iterable[str], platform: str) -> dict[str, Adapter]:
        """Return the adapters of those brands that have one."""
        found = {brand: self.adapter(brand, platform) for brand in brands}
        return {brand: adapter for brand, adapter in found.items() if adapter is not None}

    def version(self, brand: str, platform: str) -> str:
        """Return the name of what reads for a brand: the model, and the adapter on top."""
        adapter = self.adapter(brand, platform)
        return self.reader.version + (f"+{adapter.version}" if adapter else "")


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
        self._known = _Known((), Matcher([]), reader, {})

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
        known = self._current()
        now = self._clock()
        good, rejected = intake.validate(rows, now, first_index=first_index)
        ids = {brand.id for brand in known.brands}
        kept = []
        for index, row in good:
            refusal = _brand_refusal(index, [*row.brands, *default_brands], ids, allowed)
            if refusal:
                rejected.append(refusal)
            else:
                kept.append(row)
        mentions = self._mentions(kept, tuple(default_brands))
        entries = _entries(mentions, known)
        rejected.sort(key=lambda rejection: rejection.index)
        return self._store.mentions.write(entries, now, rejected=rejected, idempotency=idempotency)

    def read(
        self, texts: Sequence[str], target: str | None = None, platform: str | None = None
    ) -> tuple[str, list[str], list[TextReading]]:
        """Read texts that are not stored: model version, the texts as read, their readings.

        A target that is a brand's name or alias is read as that brand is.
        """
        known = self._current()
        plain = normalise.fold([normalise.clean(text) for text in texts])
        platforms = [platform or ""] * len(plain)
        if target is None:
            found = known.reader.read(plain, platforms=platforms, cues=True, keywords=True)
            return known.reader.version, plain, found
        brand = next(iter(known.matcher.match([target])[0]), None)
        name = brand or "target"
        taught = known.taught([brand] if brand else [], platforms[0])
        found = known.reader.read(
            plain,
            [{name: target_spans(text, target).get("target", ())} for text in plain],
            platforms=platforms,
            adapters=[taught] * len(plain),
            topics=brand is not None,
            cues=True,
            keywords=True,
        )
        read = [replace(reading, targets={"target": reading.targets[name]}) for reading in found]
        return known.version(name, platforms[0]), plain, read

    def explain(self, brand: str, views: Sequence[MentionView]) -> list[tuple[str, Judgement]]:
        """Read stored mentions again for one brand, with the cues that decided.

        Returns for each the analysed text and its judgement towards the brand.
        """
        plain, judged = _again(self._current(), brand, views, cues=True)
        return list(zip(plain, judged, strict=True))

    def reread(self, brand: str, views: Sequence[MentionView]) -> list[Reading]:
        """Return what the reader makes of stored mentions now, towards one brand."""
        known = self._current()
        plain, judged = _again(known, brand, views, cues=False)
        return [
            _rated(text, *(view.rating or (None, None)))
            or _reading(judgement, known.version(brand, view.platform))
            for text, view, judgement in zip(plain, views, judged, strict=True)
        ]

    def _current(self) -> _Known:
        with self._lock:
            version = self._store.brands.version()
            if version != self._version:
                self._known = self._look_up()
                self._version = version
            return self._known

    def _look_up(self) -> _Known:
        brands = tuple(self._store.brands.all())
        matcher = Matcher(brands)
        aspects = {brand.id: brand.aspects for brand in brands if brand.aspects}
        reader = self._plain_reader.with_words(matcher.words, aspects)
        return _Known(brands, matcher, reader, self._store.adapters.live(reader.version))

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


def _again(
    known: _Known, brand: str, views: Sequence[MentionView], *, cues: bool
) -> tuple[list[str], list[Judgement]]:
    """Return the analysed texts of stored mentions and their judgements towards a brand."""
    plain = normalise.fold([normalise.analysed(view.title, view.text) for view in views])
    readings = known.reader.read(
        plain,
        aims_towards(brand, known.matcher, plain),
        platforms=[view.platform for view in views],
        adapters=[known.taught([brand], view.platform) for view in views],
        topics=True,
        cues=cues,
    )
    return plain, [reading.targets[brand] for reading in readings]


def aims_towards(brand: str, matcher: Matcher, texts: Sequence[str]) -> Targets:
    """Return the targets of texts that are about a brand, whether or not it stands in them."""
    return [found if brand in found else {**found, brand: ()} for found in matcher.match(texts)]


def _entries(mentions: Sequence[Mention], known: _Known) -> list[Entry]:
    texts = [mention.plain for mention in mentions]
    named = known.matcher.match(texts)
    cited = known.matcher.match(normalise.fold([mention.quoted for mention in mentions]))
    about = [
        tuple(dict.fromkeys((*mention.brands, *own, *others)))
        for mention, own, others in zip(mentions, named, cited, strict=True)
    ]
    taught = [known.taught(b, m.platform) for b, m in zip(about, mentions, strict=True)]
    aims = [{b: own.get(b, ()) for b in brands} for own, brands in zip(named, about, strict=True)]
    readings = known.reader.read(
        texts,
        aims,
        platforms=[mention.platform for mention in mentions],
        adapters=taught,
        topics=True,
    )
    return [
        _entry(mention, brands, reading, known)
        for mention, brands, reading in zip(mentions, about, readings, strict=True)
    ]


def _entry(mention: Mention, brands: Sequence[str], reading: TextReading, known: _Known) -> Entry:
    rated = _rated(mention.plain, mention.rating_value, mention.rating_scale)
    document = rated or _reading(reading.document, known.reader.version)
    return Entry(
        mention=mention,
        identity=dedupe.identity(mention.platform, mention.kind, mention.native_id),
        text_key=dedupe.text_key(mention.plain),
        attributions=tuple(
            Attribution(
                brand,
                "sender" if brand in mention.brands else "text",
                rated or _reading(reading.targets[brand], known.version(brand, mention.platform)),
            )
            for brand in brands
        ),
        document=document,
        traits=traits_of(reading),
    )


def _reading(judgement: Judgement, version: str) -> Reading:
    return Reading(
        judgement.label, judgement.score, judgement.confidence, version, judgement.review
    )


def traits_of(reading: TextReading) -> Traits:
    """Return what is kept of a reading beside its judgements."""
    return Traits(
        risks=tuple(dict.fromkeys(hit.topic for hit in reading.risks)),
        intents=reading.intents,
        aspects=tuple(AspectNote(a.name, a.label, a.brand) for a in reading.aspects),
        emotion=reading.emotion,
        stage=reading.stage,
        irony=bool(reading.irony),
        offensive=reading.offensive,
        no_opinion=reading.no_opinion,
        unsupported=reading.unsupported,
    )


_RATED: dict[str, tuple[float, float]] = {
    "stars5": (2, 4),
    "csat5": (2, 4),
    "nps10": (6, 9),
}


def _rated(plain: str, value: float | None, scale: str | None) -> Reading | None:
    """The reading of an answer without words: its own rating, where the scale says good or bad."""
    if plain or scale not in _RATED or value is None:
        return None
    bad, good = _RATED[scale]
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
