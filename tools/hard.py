"""How the readings do on the hard sentences of tests/hard, kind by kind.

`--half open` is for tuning, `--half held` for the end: see tests/hard/README.md.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from models.analyser import Analyser  # noqa: E402
from monitor import normalise  # noqa: E402
from monitor.scoring import LABELS, target_spans  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.records import Judgement, TextReading

TABLE = ROOT / "tests" / "hard" / "sentences.tsv"


@dataclass(frozen=True, slots=True)
class Case:
    """One sentence and what two readers would agree on."""

    id: str
    kind: str
    text: str
    target: str
    label: str
    risk: str
    extra: str

    @property
    def half(self) -> str:
        """Which half it belongs to, by its id alone."""
        return "held" if hashlib.sha256(self.id.encode()).digest()[0] % 2 else "open"

    def wanted(self) -> list[tuple[str, str]]:
        """Return (what, value) of everything that is judged about it."""
        named = [] if self.extra == "-" else [part.split("=", 1) for part in self.extra.split(";")]
        risks = [] if self.risk == "-" else [("risk", self.risk)]
        return [("label", self.label), *risks, *((name, value) for name, value in named)]


def cases(half: str) -> list[Case]:
    """Return the sentences of a half, 'open', 'held' or 'both'."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [case for row in rows if half in ("both", (case := Case(**row)).half)]


def checked(
    analyser: Analyser, wanted: Sequence[Case]
) -> Iterator[tuple[Case, TextReading, Judgement, dict[str, bool]]]:
    """Yield each sentence with its reading, its judgement and what was right."""
    texts = normalise.fold([normalise.clean(case.text) for case in wanted])
    aims = [
        target_spans(text, case.target) if case.target else {}
        for text, case in zip(texts, wanted, strict=True)
    ]
    for case, reading in zip(wanted, analyser.read(texts, aims), strict=True):
        judged = reading.targets.get("target", reading.document)
        said = told(reading, judged)
        right: dict[str, bool] = {}
        for what, value in case.wanted():
            values = said[what]
            hit = not values if value in ("", "none", "no") else value in values
            right[what] = right.get(what, True) and hit
        yield case, reading, judged, right


def told(reading: TextReading, judged: Judgement) -> dict[str, set[str]]:
    """Return everything a reading says, in the table's words."""
    return {
        "label": {LABELS[judged.label]},
        "risk": {hit.topic for hit in reading.risks},
        "emotion": {reading.emotion} - {None},
        "intent": set(reading.intents),
        "aspect": {f"{a.name}:{LABELS[a.label]}" for a in reading.aspects},
        "no_opinion": {reading.no_opinion} - {None},
        "offensive": {"yes"} if reading.offensive else set(),
        "irony": {"yes"} if reading.irony else set(),
        "stage": {reading.stage} - {None},
    }


def figures(analyser: Analyser, half: str) -> dict[str, Any]:
    """Return the share that is right: the label by kind and in all, the other things in all."""
    by_kind: dict[str, list[bool]] = defaultdict(list)
    others: dict[str, list[bool]] = defaultdict(list)
    doubted = wrong = 0
    for case, _, judged, right in checked(analyser, cases(half)):
        by_kind[case.kind].append(right["label"])
        wrong += not right["label"]
        doubted += not right["label"] and judged.review is not None
        for what in right.keys() - {"label"}:
            others[what].append(right[what])
    every = [hit for hits in by_kind.values() for hit in hits]
    return {
        "half": half,
        "label": _share(every),
        "wrong_but_marked_for_review": f"{doubted} / {wrong}",
        "by_kind": {kind: _share(hits) for kind, hits in sorted(by_kind.items())},
        "others": {what: _share(hits) for what, hits in sorted(others.items())},
    }


def _share(hits: Sequence[bool]) -> str:
    return f"{sum(hits) / len(hits):.3f} ({sum(hits)} / {len(hits)})"


def main() -> None:
    """Print the figures, or with --wrong the sentences of the open half that went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=["open", "held", "both"], default="open")
    parser.add_argument("--wrong", action="store_true", help="list what went wrong; open half only")
    given = parser.parse_args()
    analyser = Analyser.load()
    if given.wrong:
        for case, reading, judged, right in checked(analyser, cases("open")):
            missed = [what for what, hit in right.items() if not hit]
            if missed:
                said = told(reading, judged)
                print(case, {what: sorted(said[what]) for what in missed}, round(judged.score, 2))
        return
    print(json.dumps(figures(analyser, given.half), ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
