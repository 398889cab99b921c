"""Detection over lines of JSON: counts come in, alarms go out, each tick is answered by a tock.

In: `{"timestamp", "series", "total", "negative", "bin_seconds"}`, one line a series and bin, in
time order, where `timestamp` is the bin's end; `{"tick": timestamp}` closes that bin. Without
ticks a later timestamp, or the end of the input, closes it.
Out: `{"series", "timestamp", "score", "severity"}` for every alert and update, then the tock.
"""

import json
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from monitor.detect import Count, Detector, Signal

LONGEST_SILENCE = 86400  # seconds without a line that still mean silence; beyond: an outage

Write = Callable[[str], None]
Natural = Annotated[int, Field(strict=True, ge=0, le=10**9)]


class _Row(BaseModel):
    timestamp: AwareDatetime
    series: Annotated[str, Field(min_length=1, max_length=500)]
    total: Natural
    negative: Natural
    bin_seconds: Annotated[int, Field(strict=True, gt=0)] = 300


_TIME: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


def _to_stderr(text: str) -> None:
    sys.stderr.write(text)


def run(lines: Iterable[str], write: Write, complain: Write = _to_stderr) -> None:
    """Answer every line with alerts or tocks; a bad line is named and left out.

    Parameters
    ----------
    lines
        The input, read one at a time.
    write
        Takes one answer, ending in a line feed; flushing is its business.
    complain
        Takes one error text, ending in a line feed.

    Examples
    --------
    >>> run(['{"tick": "2026-03-01T08:05:00Z"}'], print)
    {"tock": "2026-03-01T08:05:00Z"}
    <BLANKLINE>
    """
    stream = _Stream(write)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            stream.take(line)
        except ValueError as error:
            complain(f"第 {number} 行有误，已跳过 · line {number} skipped: {_reason(error)}\n")
    stream.close()


def _reason(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        f"{'.'.join(map(str, each['loc'])) or 'timestamp'}: {each['msg']}"
        for each in error.errors(include_url=False, include_input=False)
    )


class _Stream:
    """The open bin and the detector behind it."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._detector: Detector | None = None
        self._open: dict[str, Count | None] = {}
        self._end: int | None = None  # of the open bin
        self._closed: int | None = None  # end of the latest closed bin

    def take(self, line: str) -> None:
        record = from_json(line)
        if not isinstance(record, dict):
            raise ValueError("需要一个 JSON 对象 · a JSON object is needed")  # noqa: TRY004
        if "tick" in record:
            self._tick(record["tick"])
        else:
            self._row(_Row.model_validate(record))

    def close(self) -> None:
        if self._detector is not None and self._end is not None:
            self._step(self._detector, self._end, self._open)
        self._open, self._end = {}, None

    def _row(self, row: _Row) -> None:
        end = int(row.timestamp.timestamp())
        detector = self._detector or Detector(bin_seconds=row.bin_seconds)
        self._check(row, end, detector)
        self._detector = detector
        if self._end is not None and end > self._end:
            self.close()
        self._end = end
        self._open[row.series] = (row.total, row.negative)

    def _check(self, row: _Row, end: int, detector: Detector) -> None:
        if row.bin_seconds != detector.bin_seconds:
            raise ValueError(f"bin_seconds 须始终为 {detector.bin_seconds} · must stay the same")
        if end % row.bin_seconds:
            raise ValueError("timestamp 须为时间格的终点 · must be the end of a whole bin")
        if row.negative > row.total:
            raise ValueError("负面数大于总数 · negative exceeds total")
        self._refuse_old(end)
        if end == self._end and row.series in self._open:
            raise ValueError("该序列在此时间格已有数据 · the series already has this bin")

    def _refuse_old(self, end: int) -> None:
        if end <= (self._closed or 0) or end < (self._end or 0):
            raise ValueError("时间倒退：该时间格已结束 · out of order: this bin is over")

    def _tick(self, raw: object) -> None:
        """Close the bin; a tick that makes no sense is answered too, or its sender would wait."""
        try:
            end = int(_TIME.validate_python(raw).timestamp())
            self._refuse_old(end)
            if self._end is not None and self._end < end:
                self.close()
            if self._detector is not None:
                self._step(self._detector, end, self._open)
            self._open, self._end = {}, None
        finally:
            self._write(json.dumps({"tock": raw}, ensure_ascii=False) + "\n")

    def _step(self, detector: Detector, end: int, counts: dict[str, Count | None]) -> None:
        closed = self._closed
        if closed is not None and end - closed <= LONGEST_SILENCE:
            for silent in range(closed + detector.bin_seconds, end, detector.bin_seconds):
                self._tell(detector.step(silent, {}))
        self._tell(detector.step(end, counts))
        self._closed = end

    def _tell(self, signals: list[Signal]) -> None:
        for signal in signals:
            answer = {
                "series": signal.series,
                "timestamp": f"{datetime.fromtimestamp(signal.bin_end, UTC):%Y-%m-%dT%H:%M:%SZ}",
                "score": round(signal.score, 3),
                "severity": signal.severity,
            }
            self._write(json.dumps(answer, ensure_ascii=False) + "\n")
