"""`python -m monitor backtest | drill`: looking back, and practising."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from monitor.backtest import Backtest

_BEIJING = timezone(timedelta(hours=8))
_DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"])
_LISTED = 20


@click.command("backtest")
@click.option("--brand", "brand_id", required=True, help="品牌编号 / the brand's id")
@click.option("--from", "start", required=True, type=_DAY, help="开始（北京时间）/ from, UTC+8")
@click.option("--to", "end", required=True, type=_DAY, help="结束（北京时间）/ until, UTC+8")
@click.option(
    "--threshold",
    "thresholds",
    multiple=True,
    type=click.FloatRange(1.5, 20),
    help="另试这些阈值（常用 2.5 到 5），可重复 / thresholds of your own, besides the presets",
)
@click.option("--json", "as_json", is_flag=True, help="输出 JSON / print JSON")
def back_test(
    brand_id: str, start: datetime, end: datetime, thresholds: tuple[float, ...], *, as_json: bool
) -> None:
    """回放历史：哪种灵敏度会报什么 / What would have fired, at each sensitivity."""
    from monitor.backtest import written  # noqa: PLC0415  # each command loads what it needs
    from monitor.bootstrap import StoreOnly  # noqa: PLC0415
    from monitor.detect import DEFAULT, SENSITIVITIES, exact  # noqa: PLC0415
    from monitor.hindsight import back_test as look_back  # noqa: PLC0415

    since, until = (int(day.replace(tzinfo=_BEIJING).timestamp()) for day in (start, end))
    if not since < until:
        raise click.UsageError("--to 须晚于 --from / --to must come after --from")
    policies = SENSITIVITIES | {f"{value:g}": exact(DEFAULT, value) for value in thresholds}
    service = StoreOnly.open()
    found = look_back(service.store, brand_id, since, until, policies, service.clock())
    if as_json:
        results = {name: written(each) for name, each in found.items()}
        click.echo(json.dumps(results, ensure_ascii=False, indent=1))
    else:
        _show(found)


def _show(found: dict[str, Backtest]) -> None:
    click.echo(
        "灵敏度 sensitivity | 阈值 threshold | 每周 a week | 命中 right | 误报 false | "
        "未判 unjudged | 漏报 missed | 提前（分钟）sooner, min"
    )
    for name, each in found.items():
        sooner = "–" if each.sooner is None else f"{each.sooner:g}"
        click.echo(
            f"{name} | {each.threshold:g} | {each.a_week:.2f} | {each.right} | {each.false} | "
            f"{each.unjudged} | {len(each.missed)} | {sooner}"
        )
    click.echo("")
    name, each = next((n, e) for n, e in found.items() if n == "balanced")
    click.echo(f"{name}：")
    for firing in each.firings[-_LISTED:]:
        series = firing.series.replace("\n", " / ")
        click.echo(
            f"  {datetime.fromtimestamp(firing.first, _BEIJING):%Y-%m-%d %H:%M} {series} "
            f"{firing.rule} {firing.severity} 10^-{firing.score:.1f} "
            f"{firing.seen} / {firing.expected:g}"
        )


@click.group("drill")
def drill() -> None:
    """危机演练 / Exercises."""


@drill.command("start")
@click.option("--brand", "brand_id", required=True, help="品牌编号 / the brand's id")
@click.option(
    "--level",
    type=click.Choice(["blue", "yellow", "orange", "red"]),
    default="orange",
    show_default=True,
    help="级别 / level",
)
@click.option("--note", default="", help="说明，写进时间线 / a line for the timeline")
def drill_start(brand_id: str, level: str, note: str) -> None:
    """按真实路由发出一次演练 / Send an exercise through the real routes."""
    from monitor import drill as exercise  # noqa: PLC0415
    from monitor.bootstrap import StoreOnly  # noqa: PLC0415

    service = StoreOnly.open()
    now = service.clock()
    brand = service.store.brands.get(brand_id)
    change = exercise.begin(brand, level, now, note=note, actor="cli")  # type: ignore[arg-type]
    service.room().open(change, now)
    click.echo(change.case.incident.id)


@drill.command("report")
@click.argument("incident_id", metavar="ID")
def drill_report(incident_id: str) -> None:
    """各环节用时 / How long people took."""
    from monitor import drill as exercise  # noqa: PLC0415
    from monitor.bootstrap import StoreOnly  # noqa: PLC0415

    service = StoreOnly.open()
    case = service.store.incidents.get(incident_id)
    if not case.incident.drill:
        raise click.UsageError("这不是一次演练 / this is no exercise")
    timeline = service.store.incidents.timeline(incident_id)
    messages = service.store.outbox.of_incident(incident_id)
    result = exercise.report(case, timeline, messages)
    for line in result["timeline"]:
        line["at"] = f"{datetime.fromtimestamp(line['at'], UTC):%Y-%m-%dT%H:%M:%SZ}"
    click.echo(json.dumps(result, ensure_ascii=False, indent=1))
