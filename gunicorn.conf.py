"""How gunicorn serves Tingfeng. Everything here can be overridden on its command line."""

import os
import shutil
import tempfile
from pathlib import Path

bind = os.environ.get("TINGFENG_BIND", "127.0.0.1:8000")
workers = int(os.environ.get("TINGFENG_WORKERS", "2"))
worker_class = "gthread"
threads = int(os.environ.get("TINGFENG_THREADS", "4"))
preload_app = True
timeout = 30
graceful_timeout = 25
keepalive = 5
max_requests = 50_000
max_requests_jitter = 5_000
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # heartbeats
control_socket_disable = True
loglevel = "warning"
# What people said is for this user alone. (gunicorn's own setting covers its own files only.)
os.umask(0o077)

# Must be set before prometheus_client is imported, and empty at the start.
_metrics = os.environ.get("PROMETHEUS_MULTIPROC_DIR") or tempfile.mkdtemp(prefix="tingfeng-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _metrics
shutil.rmtree(_metrics, ignore_errors=True)
Path(_metrics).mkdir(parents=True)


def child_exit(server, worker):  # noqa: ANN001, ANN201, ARG001, D103
    from prometheus_client import multiprocess  # noqa: PLC0415

    multiprocess.mark_process_dead(worker.pid)


def on_exit(server):  # noqa: ANN001, ANN201, ARG001, D103
    shutil.rmtree(_metrics, ignore_errors=True)
