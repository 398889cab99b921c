"""Serve Tingfeng from this folder: the API by gunicorn, the worker beside it, data in `./data`.

The first start makes an administrator's key and prints it once. A worker that dies is started
again; when the API ends, or a signal asks for it, both are stopped cleanly. On Linux both end even
where this process is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from monitor.bootstrap import StoreOnly, issue_key  # noqa: E402
from monitor.errors import MonitorError  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

API = ("gunicorn", "-c", "gunicorn.conf.py", "wsgi:app")
WORKER = ("monitor", "worker")
STARTING_SECONDS = 60
STOPPING_SECONDS = 30
RESTART_SECONDS = 2.0
PR_SET_PDEATHSIG = 1

Process = subprocess.Popen[bytes]


def main() -> int:
    """Serve until asked to stop; returns the exit code."""
    # What people said is for this user alone.
    os.umask(0o077)
    os.chdir(ROOT)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    bind = os.environ.get("TINGFENG_BIND", "127.0.0.1:8000")
    if is_taken(bind):
        sys.exit(
            f"无法监听 {bind}：可能已有一个听风在运行，请先停止它，或改 TINGFENG_BIND / "
            f"cannot listen at {bind}: stop the Tingfeng that may run there, or set TINGFENG_BIND"
        )
    try:
        welcome()
    except MonitorError as error:
        sys.exit(error.message)
    with tempfile.TemporaryDirectory(prefix="tingfeng-") as metrics:
        # One folder for both, so that /metrics tells of the worker too.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(Path(metrics, "metrics"))
        return serve(bind, stop)


def is_taken(bind: str) -> bool:
    """Whether nothing can listen at HOST:PORT."""
    host, _, port = bind.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host.strip("[]"), int(port)), family=family).close()
    except OSError:
        return True
    return False


def welcome() -> None:
    """Make the first key of a new service and print it, this once."""
    service = StoreOnly.open()
    if not service.store.keys.all():
        _, secret = issue_key(service.store, "admin", ["admin"], service.clock())
        say(f"管理员密钥，只显示这一次 / admin key, shown this once: {secret}")
    service.store.close()


def serve(bind: str, stop: threading.Event) -> int:
    """Run the API and the worker; returns the API's exit code, 0 after a signal."""
    address = address_of(bind)
    running: dict[tuple[str, ...], Process] = {API: start(API)}
    try:
        if not wait_until_ready(address, running[API], stop):
            return 0 if stop.is_set() else give_up(running[API])
        # gunicorn empties the metrics folder as it starts: the worker comes after it.
        running[WORKER] = start(WORKER)
        say(f"听风已启动 / Tingfeng is running: {address}")
        while not stop.wait(0.5):
            if running[API].poll() is not None:
                return give_up(running[API])
            if running[WORKER].poll() is not None:
                say("后台进程退出，正在重启 / the worker died and is started again")
                stop.wait(RESTART_SECONDS)
                running[WORKER] = start(WORKER)
    finally:
        end(running.values())
    say("已停止 / stopped")
    return 0


def start(module: tuple[str, ...]) -> Process:
    """Start a module with the interpreter that runs us."""
    # A session of its own: Ctrl-C reaches us alone, and we stop it in order.
    return subprocess.Popen(
        [sys.executable, "-m", *module],
        start_new_session=True,
        preexec_fn=bound_to_parent(),  # noqa: PLW1509  # it takes no lock
    )


def bound_to_parent() -> Callable[[], None] | None:
    """Return what a child does before its program so that it ends with us; None beside Linux."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def bind() -> None:
        prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGTERM))
        # We may have died before the kernel knew of it.
        if os.getppid() != parent:
            os._exit(1)

    return bind


def end(processes: Collection[Process]) -> None:
    """Ask processes to finish their work and end; kill those that do not."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(STOPPING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_ready(address: str, api: Process, stop: threading.Event) -> bool:
    """Whether the API answers before it ends, is told to stop, or a minute is over."""
    client = build_opener(ProxyHandler({}))
    deadline = time.monotonic() + STARTING_SECONDS
    while api.poll() is None and not stop.is_set() and time.monotonic() < deadline:
        with contextlib.suppress(URLError, OSError), client.open(f"{address}/ready", timeout=5):
            return api.poll() is None
        stop.wait(0.1)
    return False


def address_of(bind: str) -> str:
    """Where a browser on this machine finds what is bound there.

    >>> address_of("0.0.0.0:9000"), address_of("[::]:8000")
    ('http://127.0.0.1:9000', 'http://127.0.0.1:8000')
    """
    host, _, port = bind.rpartition(":")
    everywhere = host in ("", "0.0.0.0", "[::]")  # noqa: S104  # compared, not bound
    return f"http://{'127.0.0.1' if everywhere else host}:{port}"


def give_up(api: Process) -> int:
    """Tell that the API does not run; returns its exit code, never 0."""
    say("服务未能运行，原因见上方日志 / the service does not run: see the log above")
    return api.poll() or 1


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
