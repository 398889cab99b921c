"""Files of mentions: which kinds there are, how one is recognised, what it gives.

`read` is the door: a path of a file or folder in, rows and what is wrong with them out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.errors import InputError
from monitor.sources.files import format_of, records
from monitor.sources.mediacrawler import MEDIACRAWLER
from monitor.sources.plain import Plain, Table
from monitor.sources.records import Record, Row, Source, SourceError
from monitor.sources.weibo_search import WEIBO_SEARCH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["KINDS", "SOURCES", "Row", "Source", "SourceError", "open_source", "read"]

_PROGRAMS = {"mediacrawler": MEDIACRAWLER, "weibo-search": WEIBO_SEARCH}
SOURCES: Mapping[str, Source] = {
    "json": Plain("json"),
    "jsonl": Plain("jsonl"),
    "csv": Table(),
    **_PROGRAMS,
}
KINDS = ("auto", *SOURCES)
SUFFIXES = frozenset({".json", ".jsonl", ".ndjson", ".csv"})
_PEOPLE = "_creators_"


def open_source(path: Path, kind: str = "auto") -> Source:
    """Return the source that reads a file, recognised by its first record where kind is 'auto'.

    Raises
    ------
    InputError
        Where there is no such kind, no such file, or the file is of no kind known here.
    """
    if kind not in KINDS:
        raise InputError(
            f"没有“{kind}”这种来源，可用：{'、'.join(KINDS)} / unknown kind: use one of these",
            field="kind",
        )
    try:
        return SOURCES[_recognise(path) if kind == "auto" else kind]
    except OSError as error:
        raise InputError(
            f"读不了文件“{path.name}”：{error.strerror} / cannot read the file", field="path"
        ) from None


def _recognise(path: Path) -> str:
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"不支持“{path.name}”的格式，请另存为 CSV（UTF-8）、JSON 或 JSONL / "
            "unknown format: save it as CSV (UTF-8), JSON or JSONL",
            field="path",
        )
    form = format_of(path)
    first = next((record for record in records(path, form) if isinstance(record, Record)), None)
    if first is not None and "platform" not in first.values:
        for name, program in _PROGRAMS.items():
            if program.knows(first.values):
                return name
    return form


def read(path: Path, kind: str = "auto") -> Iterator[Row | SourceError]:
    """Give all rows of a file, or of all files of a folder and its folders, sorted by name.

    Raises
    ------
    InputError
        As `open_source`. In a folder, a file that cannot be read is reported and passed over.
    """
    if not path.is_dir():
        yield from _rows(path, path.name, kind)
        return
    for file in sorted(path.rglob("*")):
        if file.suffix.lower() in SUFFIXES and file.is_file():
            name = file.relative_to(path).as_posix()
            try:
                yield from _rows(file, name, kind)
            except InputError as error:
                yield SourceError(0, "", error.message, "请检查这个文件 / check it", file=name)


def _rows(path: Path, name: str, kind: str) -> Iterator[Row | SourceError]:
    if _PEOPLE in path.name:
        reason = "这是作者资料，不是声量，已跳过 / a file of people, not mentions: passed over"
        yield SourceError(0, "", reason, "无需处理 / nothing to do", rejected=False, file=name)
        return
    for row in open_source(path, kind).rows(path):
        yield replace(row, file=name)
