"""The three ways files hold records: a JSON array, one JSON object a line, a table."""

from __future__ import annotations

import csv
import json
from typing import IO, TYPE_CHECKING, Any, Literal

from monitor.sources.records import Record, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Format = Literal["json", "jsonl", "csv"]

_BY_SUFFIX: dict[str, Format] = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_SAMPLE = 65_536
_LONGEST_LINE = 1 << 20
_BLANK = " \t\r\n"
_DELIMITERS = ",\t;"
_EXPORT_AGAIN = "请重新导出后再导入 / export the file again"


def format_of(path: Path) -> Format:
    """Return how a file holds its records, by what it begins with.

    Raises
    ------
    OSError
        Where the file cannot be read.
    """
    with _open(path) as file:
        first = file.readline(_LONGEST_LINE)
        while first and not first.strip():
            first = file.readline(_LONGEST_LINE)
    if first.lstrip().startswith("["):
        return "json"
    if first.lstrip().startswith("{"):
        return "jsonl" if path.suffix.lower() != ".json" or _is_json(first) else "json"
    return _BY_SUFFIX.get(path.suffix.lower(), "csv")


def records(path: Path, form: Format) -> Iterator[Record | SourceError]:
    """Give a file's records in order; what cannot be read comes as an error in its place.

    Lines and tables are streamed, an array is read whole.

    Raises
    ------
    OSError
        Where the file cannot be read.
    """
    return {"json": _elements, "jsonl": _lines, "csv": _table}[form](path)


def _open(path: Path) -> IO[str]:
    with path.open("rb") as file:
        encoding = _encoding(file.read(_SAMPLE))
    # What cannot be decoded stays visible as a lone surrogate: the door then refuses that row only.
    errors = "surrogateescape" if encoding == "utf-8-sig" else "replace"
    return path.open(encoding=encoding, errors=errors, newline="")


def _encoding(sample: bytes) -> str:
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    text = sample.decode("utf-8", "surrogateescape")
    foreign = sum(char > "\x7f" for char in text)
    undecodable = sum("\ud800" <= char <= "\udfff" for char in text)
    # A stray bad byte does not make a UTF-8 file Chinese national encoding; a tenth of them does.
    return "gb18030" if undecodable * 10 > foreign else "utf-8-sig"


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _record(position: int, value: Any) -> Record | SourceError:
    if isinstance(value, dict):
        return Record(position, value)
    return SourceError(position, "", "不是 JSON 对象 / not a JSON object", _EXPORT_AGAIN)


def _elements(path: Path) -> Iterator[Record | SourceError]:
    with _open(path) as file:
        text = file.read()
    at = _skip(text, 0, _BLANK)
    is_array = text[at : at + 1] == "["
    at += is_array
    decode = json.JSONDecoder().raw_decode
    position = 0
    while (at := _skip(text, at, _BLANK + ",")) < len(text):
        if text[at] == "]":
            return
        position += 1
        try:
            value, at = decode(text, at)
        except (ValueError, RecursionError):
            yield _broken_off(position)
            return
        yield _record(position, value)
    if is_array or not position:
        yield _broken_off(position + 1)


def _broken_off(position: int) -> SourceError:
    return SourceError(
        position,
        "",
        f"文件在第 {position} 条处中断或损坏，之前的已读入 / "
        f"the file breaks off or is damaged at record {position}; those before were read",
        "等文件写完后重新导入，已有的不会重复计数 / "
        "import it again once it is written; known rows do not count twice",
    )


def _skip(text: str, at: int, chars: str) -> int:
    while at < len(text) and text[at] in chars:
        at += 1
    return at


def _lines(path: Path) -> Iterator[Record | SourceError]:
    with _open(path) as file:
        for number, line in enumerate(_bounded_lines(file), 1):
            if line is None:
                reason = (
                    f"这一行超过 {_LONGEST_LINE} 字 / a line of over {_LONGEST_LINE} characters"
                )
                yield SourceError(number, "", reason, _EXPORT_AGAIN)
            elif line.strip():
                yield _line(number, line)


def _bounded_lines(file: IO[str]) -> Iterator[str | None]:
    while line := file.readline(_LONGEST_LINE):
        whole = len(line) < _LONGEST_LINE or line.endswith("\n")
        yield line if whole else None
        while len(line) == _LONGEST_LINE and not line.endswith("\n"):
            line = file.readline(_LONGEST_LINE)


def _line(number: int, line: str) -> Record | SourceError:
    try:
        return _record(number, json.loads(line))
    except (ValueError, RecursionError):
        reason = "这一行不是完整的 JSON / this line is not complete JSON"
        return SourceError(number, "", reason, "请检查这一行 / check this line")


def _table(path: Path) -> Iterator[Record | SourceError]:
    with _open(path) as file:
        first = file.readline(_LONGEST_LINE)
        file.seek(0)
        delimiter = max(_DELIMITERS, key=first.count)
        cells = _cells(csv.reader(file, delimiter=delimiter))
        header: list[str] | None = None
        for number, row in cells:
            if isinstance(row, SourceError):
                yield row
            elif header is None:
                header = [name.strip() for name in row]
            elif any(row) and row != header:
                yield _table_row(number, header, row)
    if header is None:
        yield SourceError(1, "", "文件是空的 / the file is empty", _EXPORT_AGAIN)


def _cells(reader: Any) -> Iterator[tuple[int, list[str] | SourceError]]:
    number = 0
    while True:
        number += 1
        try:
            yield number, next(reader)
        except StopIteration:
            return
        except csv.Error:
            reason = "这一行的引号或长度有误 / a quotation mark is open or a cell too long"
            yield number, SourceError(number, "", reason, _EXPORT_AGAIN)


def _table_row(number: int, header: list[str], row: list[str]) -> Record | SourceError:
    while len(row) > len(header) and not row[-1]:
        row.pop()
    if len(row) != len(header):
        return SourceError(
            number,
            "",
            f"这一行有 {len(row)} 列，表头有 {len(header)} 列 / "
            f"{len(row)} cells under a header of {len(header)}",
            "请检查引号与分隔符，或按新表头重新导出 / check quotes and commas, or export again",
        )
    return Record(number, dict(zip(header, row, strict=True)))
