"""`python -m monitor …`. Answers go to standard output, progress to standard error."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from monitor.cli_crisis import back_test, drill
from monitor.errors import InputError, MonitorError
from monitor.sources import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from monitor.domain import Account

_MODEL_DATA = Path("../shared/data/sentiment")


class _Group(click.Group):
    """Ends with a message and exit code 1, not a traceback, for every error of ours."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except MonitorError as error:
            raise click.ClickException(error.message) from None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """听风 Tingfeng：品牌口碑与危机预警 / brand word of mouth and crisis alerts."""


cli.add_command(back_test)
cli.add_command(drill)


def main() -> None:
    """Run the command line; a reader that stops reading ends it quietly."""
    # What people said is for this user alone.
    os.umask(0o077)
    try:
        cli.main()
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


# -- brands and keys -------------------------------------------------------------------------------


@cli.group()
def brand() -> None:
    """品牌 / Brands."""


@brand.command("add")
@click.argument("brand_id", metavar="ID")
@click.option("--name", required=True, help="品牌名 / the brand's name")
@click.option("--alias", "aliases", multiple=True, help="别名，可重复 / another way to write it")
@click.option("--exclude", multiple=True, help="排除词，可重复 / words that rule it out")
@click.option("--competitor", "competitors", multiple=True, help="竞品编号 / a competitor's id")
@click.option("--timezone", default="Asia/Shanghai", show_default=True, help="时区 / time zone")
def brand_add(
    brand_id: str,
    name: str,
    aliases: tuple[str, ...],
    exclude: tuple[str, ...],
    competitors: tuple[str, ...],
    timezone: str,
) -> None:
    """新建品牌 / Add a brand."""
    from monitor.intake import read_brand  # noqa: PLC0415  # each command loads what it needs

    service = _store_and_clock()
    given = read_brand(
        id=brand_id,
        name=name,
        aliases=list(aliases),
        exclude=list(exclude),
        competitors=list(competitors),
        timezone=timezone,
    )
    added = given.brand(service.clock())
    service.store.brands.add(added)
    _print(asdict(added))


@brand.command("list")
def brand_list() -> None:
    """列出品牌 / List brands, one JSON object a line."""
    for held in _store_and_clock().store.brands.all():
        _print(asdict(held))


@cli.group()
def key() -> None:
    """API 密钥 / API keys."""


@key.command("add")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice(["ingest", "read", "manage", "admin"]),
    help="权限，可重复 / a scope",
)
@click.option("--brand", "brands", multiple=True, help="只限这些品牌 / only these brands")
def key_add(name: str, scopes: tuple[str, ...], brands: tuple[str, ...]) -> None:
    """新建密钥，只显示这一次 / Make a key; it is shown this once."""
    from monitor.bootstrap import issue_key  # noqa: PLC0415
    from monitor.keys import check_limits  # noqa: PLC0415

    check_limits(scopes, brands or None)
    service = _store_and_clock()
    _, secret = issue_key(service.store, name, scopes, service.clock(), brands=brands or None)
    click.echo(secret)


# -- mentions --------------------------------------------------------------------------------------


@cli.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--brand", "brands", multiple=True, help="归入此品牌，可重复 / all are about it")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default="auto",
    show_default=True,
    help="文件类型 / what the files are",
)
@click.option("--json", "as_json", is_flag=True, help="只输出账目 / no progress bar")
def ingest(paths: tuple[Path, ...], brands: tuple[str, ...], kind: str, as_json: bool) -> None:
    """导入文件 / Take files in: JSON, JSONL, CSV, MediaCrawler exports, or folders of them.

    进度写到标准错误，账目以一个 JSON 对象写到标准输出。
    """
    from monitor.bootstrap import build  # noqa: PLC0415
    from monitor.imports import import_files  # noqa: PLC0415

    service = build()
    for wanted in brands:
        service.store.brands.get(wanted)
    with _progress(quiet=as_json) as advance:
        report = import_files(service.pipeline, paths, kind, brands, advance)
    _print(report)


# -- language --------------------------------------------------------------------------------------


@cli.command()
@click.option("--binary", is_flag=True, help="不判中性 / negative or positive only")
@click.option(
    "--second",
    type=click.Path(path_type=Path),
    help="第二意见模型所在文件夹 / the folder of a second opinion (make second)",
)
def score(binary: bool, second: Path | None) -> None:
    """逐行判断情感 / Judge JSONL {"id","text","target"?}.

    Writes {"id","label","score","confidence"} in the same order, as the lines arrive.
    """
    from models.analyser import Analyser  # noqa: PLC0415
    from models.second import SecondOpinionMissingError  # noqa: PLC0415
    from monitor.scoring import score_lines  # noqa: PLC0415

    write = _writer(sys.stdout)
    try:
        reader = Analyser.load(second)
    except SecondOpinionMissingError as error:
        raise InputError(str(error)) from None
    for lines in _line_chunks(sys.stdin.fileno()):
        for line in score_lines(reader, lines, binary=binary, complain=_complain):
            write(line)
        sys.stdout.flush()


@cli.command()
def detect() -> None:
    """逐行判断异常 / Read JSONL counts, write JSONL alerts; ticks are answered by tocks."""
    from monitor.detect_stream import run  # noqa: PLC0415

    run(_decoded(sys.stdin.buffer), _flushing(sys.stdout))


@cli.command()
@click.option("--data", type=click.Path(path_type=Path), default=_MODEL_DATA, show_default=True)
@click.option(
    "--held-out/--no-held-out",
    default=True,
    show_default=True,
    help="逐族留出、重新训练再测，约十分钟 / train anew without each family: ten minutes",
)
@click.option(
    "--sample",
    default=300,
    show_default=True,
    type=click.IntRange(0, 5000),
    help="每集给其他方法多少条 / texts of a set for the other judges; 0: none",
)
@click.option("--out", type=click.Path(path_type=Path), help="另存为 JSON / also write it there")
@click.option("--card", type=click.Path(path_type=Path), help="另存为 Markdown / and as a page")
def evaluate(data: Path, held_out: bool, sample: int, out: Path | None, card: Path | None) -> None:
    """评测模型 / Measure the shipped model on labelled data, beside what else there is."""
    from models.card import card as page  # noqa: PLC0415
    from models.evaluate import evaluate as measure  # noqa: PLC0415

    figures = _with_data(lambda: measure(data, held_out=held_out, sample=sample))
    if out:
        out.write_text(json.dumps(figures, ensure_ascii=False, indent=1), encoding="utf-8")
    if card:
        card.write_text(page(figures, f"{datetime.now(UTC):%Y-%m-%d}"), encoding="utf-8")
    _print(figures)


@cli.command()
@click.option("--data", type=click.Path(path_type=Path), default=_MODEL_DATA, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="默认写入随包模型 / the shipped ones")
@click.option("--seed", default=0, show_default=True)
def train(data: Path, out: Path | None, seed: int) -> None:
    """重新训练随包模型 / Train the shipped weights anew."""
    from models.train import train as fit  # noqa: PLC0415
    from models.weights import ARTIFACT  # noqa: PLC0415

    _print(_with_data(lambda: fit(data, out or ARTIFACT, seed=seed)))


@cli.command()
@click.option(
    "--brand", help="品牌编号；不填则学所有有新改判的品牌 / a brand's id; all due if none"
)
@click.option("--platform", help="只学这个平台的改判，也只用于它 / for one platform only")
@click.option("--rollback", is_flag=True, help="退回上一个版本 / put the version before in place")
@click.option("--dry-run", is_flag=True, help="只试不存 / try, and keep nothing")
@click.option(
    "--seconds", type=click.IntRange(1), help="最多运行多少秒 / end after so many seconds"
)
def retrain(
    brand: str | None, platform: str | None, rollback: bool, dry_run: bool, seconds: int | None
) -> None:
    """用改判重新学习 / Learn from people's corrections; one JSON report a brand.

    新版本在该品牌的改判上确实更好、在日常语句上没有变差，才会生效。
    """
    if brand is None and (platform or rollback):
        raise click.UsageError("请用 --brand 指明品牌 / name the brand with --brand")
    if rollback and dry_run:
        raise click.UsageError("--rollback 不能与 --dry-run 同用 / not with --dry-run")
    if seconds:
        # Every write is one transaction: ending at any moment leaves nothing half done.
        signal.alarm(seconds)
    service = _store_and_clock()
    if rollback and brand:
        held = service.store.adapters.rollback(brand, platform or "", service.clock())
        _print({"brand": brand, "platform": platform, "live": held and asdict(held)})
        _complain(
            f"{brand}：已退回版本 {held.id} / rolled back to it"
            if held
            else f"{brand}：已退回随包模型 / the shipped model reads alone again"
        )
        return
    from models.analyser import Analyser  # noqa: PLC0415
    from monitor.retrain import due, outcome  # noqa: PLC0415
    from monitor.retrain import retrain as learn  # noqa: PLC0415
    from monitor.settings import load_settings  # noqa: PLC0415

    analyser = Analyser.load(load_settings().second_opinion)
    for wanted in [brand] if brand else due(service.store, analyser.version):
        found = learn(service.store, analyser, wanted, platform, service.clock(), dry_run=dry_run)
        _print(found)
        _complain(outcome(found))


@cli.command()
@click.option("--brand", "brands", multiple=True, required=True, help="品牌编号，可重复 / brands")
def reread(brands: tuple[str, ...]) -> None:
    """重读历史 / Have the worker read a brand's history again, as after a newer model."""
    service = _store_and_clock()
    for wanted in brands:
        service.store.rereads.request(wanted, service.clock())
        _complain(f"{wanted}：后台进程将从新到旧重读 / the worker reads its history again")


def _with_data(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except FileNotFoundError as error:
        raise InputError(
            f"缺少标注数据（{error}），请用 --data 指明文件夹 / labelled data is missing: name its"
            " folder with --data"
        ) from None


# -- service ---------------------------------------------------------------------------------------


@cli.command()
@click.option("--once", is_flag=True, help="只跑一轮 / one round only")
def worker(once: bool) -> None:
    """后台进程：检测、推送 / The background loop: detect, deliver."""
    from monitor.bootstrap import build  # noqa: PLC0415
    from monitor.logs import configure  # noqa: PLC0415

    service = build()
    configure(service.settings.log_level)
    loop = service.worker()
    if once:
        loop.once()
        loop.step_down()
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.stop())
    loop.run()


@cli.command()
@click.option("--brand", "brands", multiple=True, required=True, help="品牌编号 / a brand's id")
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 3660))
def report(brands: tuple[str, ...], days: int) -> None:
    """各项指标 / The indices of the last days, one JSON object a brand."""
    from monitor.figures import Figures  # noqa: PLC0415

    service = _store_and_clock()
    now = service.clock()
    figures = Figures(service.store, now)
    for brand_id in brands:
        held = service.store.brands.get(brand_id)
        found = figures.indices(held, now - days * 86400, now)
        _print({"brand": brand_id, "indices": {n: asdict(m) for n, m in found.items()}})


# -- in and out ------------------------------------------------------------------------------------


def _store_and_clock() -> Any:
    from monitor.bootstrap import StoreOnly  # noqa: PLC0415

    return StoreOnly.open()


def _print(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False))


def _complain(message: str) -> None:
    click.echo(message, err=True)


def _writer(stream: TextIO) -> Callable[[dict[str, Any]], None]:
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

    def write(value: dict[str, Any]) -> None:
        stream.write(encode(value) + "\n")

    return write


def _flushing(stream: TextIO) -> Callable[[str], None]:
    def write(line: str) -> None:
        stream.write(line if line.endswith("\n") else line + "\n")
        stream.flush()

    return write


def _decoded(stream: Any) -> Iterator[str]:
    for line in iter(stream.readline, b""):
        yield line.decode("utf-8", "replace")


def _line_chunks(descriptor: int) -> Iterator[list[bytes]]:
    """Cut a stream into lists of lines, as they arrive: whoever waits for answers gets them."""
    rest = b""
    while block := os.read(descriptor, 1 << 20):
        *lines, rest = (rest + block).split(b"\n")
        if lines:
            yield lines
    if rest:
        yield [rest]


class _progress:  # noqa: N801  # used as a function that is a context
    """Counts the rows on standard error as they are taken in; silent where nobody looks."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet or not sys.stderr.isatty()

    def __enter__(self) -> Callable[[Account], None]:
        if self._quiet:
            return lambda _: None
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import Progress, SpinnerColumn, TextColumn  # noqa: PLC0415

        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.completed} 条 / rows"),
            console=Console(stderr=True),
        )
        self._bar.start()
        task = self._bar.add_task("", total=None)
        return lambda account: self._bar.update(task, advance=account.rows)

    def __exit__(self, *_: object) -> None:
        if not self._quiet:
            self._bar.stop()
