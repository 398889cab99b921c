"""What the tests of the whole share: a service on a file of its own, clients, a real server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest
import requests

from monitor import notify
from monitor.bootstrap import Service, issue_key, policy_of
from monitor.domain import Brand
from monitor.links import Links
from monitor.notify.http import GuardedClient
from monitor.pipeline import Pipeline
from monitor.room import Room
from monitor.settings import Settings
from monitor.store import open_store
from monitor.watch import Watcher
from tests.rows import DAY, NOW, Clock

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
PEPPER = b"a pepper that is only for tests!"


@pytest.fixture(scope="session")
def shared():
    if not SHARED.is_dir():
        pytest.skip("needs the data folder ../shared")
    return SHARED


class Remembering:
    """The shipped model; teaching it the same words a second time costs nothing."""

    def __init__(self, reader) -> None:
        self._reader = reader
        self._taught = {}
        self.version = reader.version
        self.read = reader.read

    def with_words(self, words, aspects=None):
        key = (words, repr(aspects))
        if key not in self._taught:
            self._taught[key] = self._reader.with_words(words, aspects)
        return self._taught[key]


@pytest.fixture(scope="session")
def language():
    """The model and the finder of words, loaded once for all tests."""
    from models.analyser import Analyser

    reader = Analyser.load()
    return Remembering(reader), reader.segmenter.cut_all


@pytest.fixture
def clock():
    return Clock()


def wire(folder, language, clock, **settings) -> Service:
    """A service as `bootstrap.build` wires it, with a model that is loaded already."""
    settings = Settings(
        _env_file=None,
        database_url=f"sqlite:///{folder}/tingfeng.db",
        **{"log_level": "ERROR", **settings},
    )
    store = open_store(settings.database_url)
    reader, cut = language
    room = Room(store, Links(settings.public_url, PEPPER))
    return Service(
        settings=settings,
        store=store,
        pipeline=Pipeline(store, reader, PEPPER, clock),
        watcher=Watcher(
            store, room, max_age=settings.alert_max_age, cut=cut, policy=policy_of(settings)
        ),
        room=room,
        transports=notify.build(GuardedClient(settings.outgoing_allow), None),
        pepper=PEPPER,
        clock=clock,
    )


@pytest.fixture
def make_service(tmp_path, language, clock):
    """Wire services on one and the same file, as processes of one installation are."""
    made = []

    def make(**settings):
        made.append(wire(tmp_path, language, clock, **settings))
        return made[-1]

    yield make
    for service in made:
        service.store.close()


@pytest.fixture
def service(make_service):
    return make_service()


@pytest.fixture
def xingtu(service):
    """A brand to speak about, set up two days ago."""
    held = Brand("xingtu", "星途", ("星途汽车",), created_at=NOW - 2 * DAY)
    service.store.brands.add(held)
    return held


@pytest.fixture(scope="session")
def application(tmp_path_factory, language):
    from api.app import create_app

    return create_app(wire(tmp_path_factory.mktemp("application"), language, Clock()))


@pytest.fixture
def app(application, service):
    application.extensions["tingfeng"] = service
    return application


@pytest.fixture
def make_key(service, clock):
    """Make keys: `make_key("read", brands=["a"])` gives the secret."""

    def make(*scopes, **more):
        return issue_key(service.store, "测试密钥", scopes or ("admin",), clock(), **more)[1]

    return make


@pytest.fixture
def make_client(app, make_key):
    """Make clients of the API that carry a key: `make_client("read")`."""

    def make(*scopes, **more):
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {make_key(*scopes, **more)}"
        return client

    return make


@pytest.fixture
def client(make_client):
    return make_client("admin")


@pytest.fixture
def anonymous(app):
    return app.test_client()


class Server:
    """gunicorn as it is run for good, on a free port and a folder of its own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.database = folder / "tingfeng.db"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{self.database}",
            "TINGFENG_BIND": f"127.0.0.1:{self.port}",
            "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
            "OMP_NUM_THREADS": "1",
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process is not None
            if self.process.poll() is not None:
                break
            try:
                with requests.Session() as http:
                    http.trust_env = False
                    if http.get(f"{self.url}/ready", timeout=5).ok:
                        return
            except requests.RequestException:
                time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self, how: int = signal.SIGTERM) -> None:
        """Signal the master and, so that nothing is left behind, end its workers too."""
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(30)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(30)
            self.process = None

    def key(self, *scopes: str) -> str:
        store = open_store(f"sqlite:///{self.database}")
        try:
            return issue_key(store, "测试密钥", scopes or ("admin",), int(time.time()))[1]
        finally:
            store.close()


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def make_server(tmp_path):
    made = []

    def make(**environment):
        made.append(Server(tmp_path, **environment))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def server(make_server):
    running = make_server()
    running.start()
    running.wait_until_ready()
    return running
