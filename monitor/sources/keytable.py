"""Records of other programs, understood by a table of their keys."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from monitor.intake import SPREADSHEET_ID
from monitor.normalise import analysed, canonical_url
from monitor.privacy import creator_hash
from monitor.sources.files import format_of, records
from monitor.sources.records import Row, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from monitor.domain import Kind
    from monitor.sources.records import Record

_LONGEST_URL = 2048
_HASH = re.compile(r"[0-9a-f]{16}")
_REGION_LABEL = re.compile(r"^(?:IP\s*属地|发布于|来自)\s*[：:]?\s*", re.IGNORECASE)
_NO_PARENT = (None, "", 0, "0")


@dataclass(frozen=True, slots=True)
class KeyTable:
    """Which key of a program's records holds what.

    A record belongs to the first table of which it has all keys of `marks` and, if any are named,
    one of `any_mark`. Where several keys stand, the first that holds something counts.
    `kinds` gives the kind by the value of the key `kind_key`. `parent` and `root` are for
    comments: a parent that is missing, 0 or the comment itself means that it answers the root.
    `author` holds ids that are hashed and forgotten.
    """

    platform: str
    kind: Kind
    marks: Sequence[str]
    id: str
    text: Sequence[str]
    time: Sequence[str]
    any_mark: Sequence[str] = ()
    title: str = ""
    url: str = ""
    author: Sequence[str] = ()
    region: str = ""
    parent: str = ""
    root: str = ""
    kind_key: str = ""
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    verified_key: str = ""
    verified: Mapping[str, bool] = field(default_factory=dict)
    counts: Mapping[str, str] = field(default_factory=dict)

    def fits(self, values: Mapping[str, Any]) -> bool:
        """Tell whether a record is of this kind."""
        return all(mark in values for mark in self.marks) and (
            not self.any_mark or any(mark in values for mark in self.any_mark)
        )


@dataclass(frozen=True, slots=True)
class KeyTables:
    """A source that reads what one program writes, in whichever format it wrote it."""

    tables: tuple[KeyTable, ...]

    def knows(self, values: Mapping[str, Any]) -> bool:
        """Tell whether a record comes from this program."""
        return self.table_of(values) is not None

    def table_of(self, values: Mapping[str, Any]) -> KeyTable | None:
        """Return the table a record belongs to, or None."""
        return next((table for table in self.tables if table.fits(values)), None)

    def rows(self, path: Path) -> Iterator[Row | SourceError]:
        """Give the rows of a file of any format."""
        for record in records(path, format_of(path)):
            yield record if isinstance(record, SourceError) else self._row(record)

    def _row(self, record: Record) -> Row | SourceError:
        table = self.table_of(record.values)
        if table is None:
            return SourceError(
                record.position,
                "",
                "认不出这条记录属于哪个平台 / cannot tell which platform this record is from",
                "请确认文件是帖子或评论的导出 / check that the file holds posts or comments",
            )
        rounded = _rounded_id(record.values, table)
        if rounded:
            return SourceError(
                record.position,
                rounded,
                "编号已被电子表格改写（如 1.78E+17） / the id was rounded by a spreadsheet",
                "请用原始文件，或以文本格式重新导出 / use the original file or export it as text",
            )
        return Row(record.position, mention_of(record.values, table))


def _rounded_id(values: Mapping[str, Any], table: KeyTable) -> str:
    keys = (table.id, table.parent, table.root, *table.author)
    return next((key for key in keys if key and _is_rounded(values.get(key))), "")


def _is_rounded(value: object) -> bool:
    return isinstance(value, float) or (
        isinstance(value, str) and SPREADSHEET_ID.match(value.strip()) is not None
    )


def mention_of(values: Mapping[str, Any], table: KeyTable) -> dict[str, Any]:
    """Return a record as a mention. Personal data beyond the author's hash are left behind."""
    # A table leaves a key it has not as '', and so may a header leave a column's name.
    values = {key: value for key, value in values.items() if key}
    text = _first(values, table.text)
    mention = {
        "platform": table.platform,
        "kind": _choose(values, table.kind_key, table.kinds, table.kind),
        "id": values.get(table.id),
        "title": _title(values.get(table.title), text),
        "text": text,
        "url": _url(values.get(table.url)),
        "published_at": _first(values, table.time),
        "region": _region(values.get(table.region)),
        "author": _author(values, table),
        "engagement": _known({name: values.get(key) for name, key in table.counts.items()}),
    }
    return _known(mention | _thread(values, table))


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, "", {})}


def _first(values: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((found for key in keys if (found := values.get(key)) not in (None, "")), None)


def _choose(values: Mapping[str, Any], key: str, choices: Mapping[str, Any], default: Any) -> Any:
    value = values.get(key)
    return choices.get(value, default) if isinstance(value, str) else default


def _title(title: object, text: object) -> object:
    if isinstance(title, str) and isinstance(text, str) and analysed(title, text) == text:
        return None
    return title


def _url(url: object) -> str | None:
    # An address that is none must not cost the row.
    plain = canonical_url(url) if isinstance(url, str) else ""
    return plain if plain.startswith("http") and len(plain) <= _LONGEST_URL else None


def _region(region: object) -> str | None:
    return _REGION_LABEL.sub("", region.strip()) if isinstance(region, str) else None


def _author(values: Mapping[str, Any], table: KeyTable) -> dict[str, Any] | None:
    author: dict[str, Any] = {}
    carried = values.get("creator_hash")
    native = _first(values, table.author)
    if isinstance(carried, str) and _HASH.fullmatch(carried):
        author["hash"] = carried
    elif isinstance(native, (str, int)):
        author["hash"] = creator_hash(str(native))
    verified = _choose(values, table.verified_key, table.verified, None)
    return _known({**author, "verified": verified}) or None


def _thread(values: Mapping[str, Any], table: KeyTable) -> dict[str, Any]:
    parent, root = values.get(table.parent), values.get(table.root)
    if parent in _NO_PARENT or str(parent) == str(values.get(table.id)):
        parent = root
    return {"parent_id": parent, "root_id": root}
