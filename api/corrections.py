"""Corrections over HTTP: one, many, their record, what to look at next, how far people agree."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from apiflask import APIBlueprint
from flask import request
from pydantic import ValidationError
from werkzeug.exceptions import UnsupportedMediaType

from api.access import caller, json_body, needs, require_brand, service
from api.contract import JSON_KINDS, takes
from api.mentions import shown
from api.schemas import (
    LABEL_VALUES,
    LABELS,
    AgreementOut,
    CorrectedOut,
    CorrectionAccountOut,
    CorrectionIn,
    CorrectionPage,
    CorrectionRow,
    CorrectionRows,
    CorrectionsQuery,
    ReviewOut,
    ReviewQuery,
)
from monitor import agreement, intake, normalise, privacy
from monitor.corrections import Correction, Statement
from monitor.dedupe import identity
from monitor.domain import Rejection
from monitor.errors import BadRequest, InputError, UnknownThing
from monitor.sources.files import records
from monitor.sources.plain import mention_of
from monitor.sources.records import Record, SourceError

blueprint = APIBlueprint("corrections", __name__, url_prefix="/api/v1", tag="更正 Corrections")
_TABLE = "text/csv"
_MENTION = re.compile(r"[0-9]{1,18}")
_EXCERPT = 200
_MISSING = "没有这条提及，或它与该品牌无关 / no such mention, or it is not about the brand"
_MISSING_ADVICE = (
    "请核对编号；如确与该品牌有关，请在 brands 中写明品牌后重新送入 / check the id; if it is about"
    " the brand, send the mention again and name the brand in `brands`"
)
_COLUMNS = {
    header: field
    for field, headers in {
        "id": "id 提及编号",
        "platform": "platform 平台",
        "kind": "kind 类型",
        "native_id": "native_id 编号 原始编号",
        "label": "label 标签 情感",
        "note": "note 备注",
    }.items()
    for header in headers.split()
}
_WORDS: dict[str, str | None] = {
    "负面": "negative",
    "中性": "neutral",
    "正面": "positive",
    "-1": "negative",
    "0": "neutral",
    "1": "positive",
    "撤回": None,
    "withdraw": None,
}


@blueprint.patch("/mentions/<mention>/reading")
@blueprint.output(CorrectedOut)
@takes(CorrectionIn)
@needs("manage")
def correct_reading(mention: str, body: CorrectionIn) -> dict[str, Any]:
    """更正情感 / Correct what a mention is held to say about a brand.

    汇总与指数随之改变。`label` 为 null 时撤回本密钥先前的更正。多人更正时，以最新的、未撤回的为准。
    Every sum moves along. The newest label that nobody took back is in force, else the model's.
    """
    brand = require_brand(body.brand)
    number = int(mention) if _MENTION.fullmatch(mention) else 0
    corrections = service().store.corrections
    statement = Statement(brand, number, _value(body.label), _noted(body.note))
    (outcome,) = corrections.add([statement], caller().id, service().clock())
    view = corrections.mention(brand, number)
    if view is None or outcome == "missing":
        raise UnknownThing(f"{_MISSING}。{_MISSING_ADVICE}")
    return {
        "mention": mention,
        "brand": brand,
        "outcome": outcome,
        "reading": shown(brand, [view])[0]["reading"],
        "history": _written(corrections.history(brand, number)),
    }


@blueprint.post("/brands/<brand>/corrections")
@blueprint.output(CorrectionAccountOut)
@needs("manage")
def add_corrections(brand: str) -> dict[str, Any]:
    """批量更正 / Correct many.

    JSON 数组、NDJSON 或 CSV（列：id，或 platform、kind、native_id；label；note），至多 500 行；
    逐行处理，重发无害。表格中 label 可写 负面、中性、正面，写“撤回”则收回先前的更正；其余的列不看。
    JSON, NDJSON or CSV, up to 500 rows, each for itself; sending them again changes nothing. In a
    table the label `withdraw` takes one back, and further columns are passed over.
    """
    require_brand(brand)
    rows = _rows(json_body())
    if len(rows) > intake.MAX_BATCH:
        raise InputError(
            f"每次至多 {intake.MAX_BATCH} 行，请分批 / at most {intake.MAX_BATCH} rows at once"
        )
    good, rejected = _checked(rows)
    mentions = _found([row for _, row in good])
    statements = [
        Statement(brand, number, _value(row.label), _noted(row.note))
        for (_, row), number in zip(good, mentions, strict=True)
    ]
    outcomes = service().store.corrections.add(statements, caller().id, service().clock())
    rejected += [
        Rejection(index, "id" if row.id else "native_id", _MISSING, _MISSING_ADVICE)
        for (index, row), outcome in zip(good, outcomes, strict=True)
        if outcome == "missing"
    ]
    return {
        "applied": outcomes.count("applied"),
        "unchanged": outcomes.count("unchanged"),
        "rejected": sorted(rejected, key=lambda rejection: rejection.index),
    }


add_corrections.body = CorrectionRows  # type: ignore[attr-defined]
add_corrections.also_takes = (*JSON_KINDS[1:], _TABLE)  # type: ignore[attr-defined]


@blueprint.get("/brands/<brand>/corrections")
@blueprint.input(CorrectionsQuery, location="query", arg_name="query")
@blueprint.output(CorrectionPage)
@needs("read")
def list_corrections(brand: str, query: CorrectionsQuery) -> dict[str, Any]:
    """更正记录 / A brand's corrections, newest first."""
    require_brand(brand)
    found = service().store.corrections.page(brand, before=_cursor(query.cursor), limit=query.limit)
    lines = _written([correction for correction, _ in found])
    last = found[-1][0] if len(found) == query.limit else None
    return {
        "items": [
            {**line, "text": text and text[:_EXCERPT]}
            for line, (_, text) in zip(lines, found, strict=True)
        ],
        "next": f"{last.at}_{last.id}" if last else None,
    }


@blueprint.get("/brands/<brand>/review")
@blueprint.input(ReviewQuery, location="query", arg_name="query")
@blueprint.output(ReviewOut)
@needs("read")
def list_review(brand: str, query: ReviewQuery) -> dict[str, Any]:
    """待复核 / What people should look at next: uncertain, influential, often copied."""
    require_brand(brand)
    start, end = query.window(service().clock() + intake.CLOCK_SKEW)
    queue = service().store.corrections.queue(brand, start, end, query.limit)
    mentions = shown(brand, [view for view, _ in queue.items])
    return {
        "brand": brand,
        "start": start,
        "end": end,
        "ranked": queue.ranked,
        "complete": queue.complete,
        "items": [
            {
                "mention": mention,
                "benefit": {
                    **{name: round(value, 4) for name, value in asdict(worth).items()},
                    "total": round(worth.total, 4),
                },
            }
            for mention, (_, worth) in zip(mentions, queue.items, strict=True)
        ],
    }


@blueprint.get("/brands/<brand>/agreement")
@blueprint.output(AgreementOut)
@needs("read")
def get_agreement(brand: str) -> dict[str, Any]:
    """标注一致性 / How far the people who correct a brand's mentions agree."""
    require_brand(brand)
    labels = list(service().store.corrections.labels(brand).values())
    found = agreement.agreement([list(unit.values()) for unit in labels])
    return {
        "brand": brand,
        "annotators": len({annotator for unit in labels for annotator in unit}),
        "alpha": found.alpha,
        "agreement": found.agreement,
    }


def _value(label: str | None) -> int | None:
    return None if label is None else LABEL_VALUES[label]


def _noted(note: str) -> str:
    # People quote what they correct, telephone numbers and all.
    return privacy.mask(normalise.clean(note))


def _written(corrections: Sequence[Correction]) -> list[dict[str, Any]]:
    names = {key.id: key.name for key in service().store.keys.all()} if corrections else {}
    return [
        {
            **asdict(correction),
            "id": str(correction.id),
            "mention": str(correction.mention_id),
            "annotator_name": names.get(correction.annotator, correction.annotator),
            "old_label": LABELS[correction.old_label],
            "new_label": None if correction.new_label is None else LABELS[correction.new_label],
        }
        for correction in corrections
    ]


def _cursor(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    at, _, last = text.partition("_")
    return int(at), int(last)


# -- many at once ------------------------------------------------------------------------------


def _rows(body: bytes) -> list[Any]:
    """The rows of a body, whichever of its kinds it is; a line that cannot be read is a BadRow."""
    if request.mimetype in JSON_KINDS:
        if not (rows := intake.decode(body)):
            raise BadRequest("请至少发送一行 / send at least one row")
        return rows
    if request.mimetype != _TABLE:
        raise UnsupportedMediaType
    return _table(body)


class _Upload:
    """A body that opens like the file it was; what reads tables asks for no more of a path."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def open(self, mode: str = "r", **text: Any) -> Any:
        raw = io.BytesIO(self._body)
        return raw if mode == "rb" else io.TextIOWrapper(raw, **text)


def _table(body: bytes) -> list[Any]:
    found = list(records(cast("Path", _Upload(body)), "csv"))
    if not found:
        raise InputError("表格没有数据行，请至少发送一行 / the table has no row: send at least one")
    tables = [record for record in found if isinstance(record, Record)]
    columns = {_field(header) for record in tables[:1] for header in record.values}
    if tables and not ("label" in columns and columns & {"id", "native_id"}):
        raise InputError(
            "表头须有 label，以及 id 或 platform 与 native_id / the header needs label, and id or"
            " platform and native_id"
        )
    return [_table_row(record) for record in found]


def _field(header: str) -> str | None:
    return _COLUMNS.get(header.lower())


def _table_row(record: Record | SourceError) -> Any:
    if isinstance(record, SourceError):
        return intake.BadRow(record.reason)
    cells = {
        field: cell.strip()
        for header, cell in record.values.items()
        if (field := _field(header)) and cell.strip()
    }
    row: dict[str, Any] = {**cells, **mention_of(Record(0, {"kind": cells.get("kind", "")}))}
    if "label" in row:
        row["label"] = _WORDS.get(row["label"].lower(), row["label"].lower())
    return row


def _checked(rows: Sequence[Any]) -> tuple[list[tuple[int, CorrectionRow]], list[Rejection]]:
    good, rejected = [], []
    for index, row in enumerate(rows):
        if isinstance(row, intake.BadRow):
            rejected.append(Rejection(index, "", row.reason, "请检查这一行 / check this line"))
            continue
        try:
            good.append((index, CorrectionRow.model_validate(row)))
        except ValidationError as error:
            rejected.append(_rejection(index, error))
    return good, rejected


def _rejection(index: int, error: ValidationError) -> Rejection:
    first = error.errors(include_input=False, include_url=False)[0]
    field = str(first["loc"][0]) if first["loc"] else ""
    advice = "请更正后重发 / correct it and send it again"
    if field == "label":
        advice = (
            "请填 negative、neutral 或 positive；撤回请写 null（表格中写“撤回”） / send negative,"
            " neutral or positive; null (in a table: withdraw) takes one back"
        )
    return Rejection(index, field, intake.explained(first["msg"]), advice)


def _found(rows: Sequence[CorrectionRow]) -> list[int]:
    """The mention ids that rows name; 0, which no mention has, where there is none."""
    named = [_identity(row) if row.id is None else None for row in rows]
    ids = service().store.corrections.find({name for name in named if name is not None})
    return [
        int(row.id or 0) if name is None else ids.get(name, 0)
        for row, name in zip(rows, named, strict=True)
    ]


def _identity(row: CorrectionRow) -> bytes:
    platform = (row.platform or "").strip().lower()
    return identity(intake.PLATFORM_NAMES.get(platform, platform), row.kind, row.native_id or "")
