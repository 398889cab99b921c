"""What a source gives: rows in the shape of a mention, and what is wrong with a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file, as `intake.MentionIn` wants it.

    `position` is the line (JSONL), the spreadsheet row (CSV, the header is 1) or the number of the
    element (JSON, from 1); `file` is the file's name.
    """

    position: int
    mention: dict[str, Any]
    file: str = ""


@dataclass(frozen=True, slots=True)
class SourceError:
    """What is wrong with a file or a row, and what to do.

    `rejected` tells whether a record was lost: it is False for a remark about the file.
    """

    position: int
    field: str
    reason: str
    advice: str
    rejected: bool = True
    file: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it stands in a file, not yet understood."""

    position: int
    values: dict[str, Any]


class Source(Protocol):
    """Reads one kind of file. No content of a file makes it raise."""

    def rows(self, path: Path) -> Iterator[Row | SourceError]:
        """Give the rows of a file in order, and what is wrong where it stands.

        Raises
        ------
        OSError
            Where the file cannot be read at all.
        """
