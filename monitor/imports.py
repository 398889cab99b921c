"""Files into the pipeline, a batch at a time, with one account for all of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from monitor import intake, sources
from monitor.domain import Account
from monitor.sources import Row, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from monitor.pipeline import Pipeline

_KEPT = 1000
_COUNTED = ("accepted", "updated", "duplicate", "unmatched", "erased")


def import_files(
    pipeline: Pipeline,
    paths: Sequence[Path],
    kind: str,
    brands: Sequence[str],
    advance: Callable[[Account], None],
) -> dict[str, Any]:
    """Take files in; returns the account of them all.

    Rejected rows are named with file and position, the first 1 000 of them; `rejected` counts
    all. `remarks` are about files, not rows. Stored batches stay stored whatever comes after.
    """
    total = Account()
    lost: list[dict[str, Any]] = []
    remarks: list[dict[str, Any]] = []
    rejected = 0
    for batch, errors in _batches(paths, kind):
        account = pipeline.ingest([row.mention for row in batch], default_brands=brands)
        advance(account)
        for error in errors:
            rejected += error.rejected
            _keep(lost if error.rejected else remarks, _named(error))
        for rejection in account.rejected:
            rejected += 1
            row = batch[rejection.index]
            _keep(
                lost,
                {**asdict(rejection), "file": row.file, "position": row.position, "index": None},
            )
        total += Account(
            account.accepted, account.updated, account.duplicate, account.unmatched, account.erased
        )
    return {
        **{name: getattr(total, name) for name in _COUNTED},
        "rejected": rejected,
        "rejections": [_without_blank(row) for row in lost],
        "remarks": remarks,
    }


def _batches(paths: Sequence[Path], kind: str) -> Iterator[tuple[list[Row], list[SourceError]]]:
    rows: list[Row] = []
    errors: list[SourceError] = []
    for path in paths:
        for item in sources.read(path, kind):
            if isinstance(item, Row):
                rows.append(item)
            else:
                errors.append(item)
            if len(rows) == intake.MAX_BATCH:
                yield rows, errors
                rows, errors = [], []
    if rows or errors:
        yield rows, errors


def _keep(rows: list[dict[str, Any]], row: dict[str, Any]) -> None:
    if len(rows) < _KEPT:
        rows.append(row)


def _named(error: SourceError) -> dict[str, Any]:
    row = asdict(error)
    del row["rejected"]
    return row


def _without_blank(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}
