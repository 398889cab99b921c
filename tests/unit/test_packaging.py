"""What the service is shipped and started with."""

import os
import re
import select
import shlex
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import pytest
import yaml

from monitor.keys import digest
from monitor.store import open_store
from tools import serve

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = [".ci/run", "tools/install-servers.sh"]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


# -- image -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def instructions():
    """(keyword, arguments) of the Dockerfile, in order."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", read("Dockerfile")))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def arguments(instructions, keyword):
    return [rest for name, rest in instructions if name == keyword]


def final_stage(instructions):
    last = max(i for i, (name, _) in enumerate(instructions) if name == "FROM")
    return instructions[last:]


def test_everything_copied_into_the_image_exists_and_reaches_the_builder(instructions):
    copied = [
        source
        for line in arguments(instructions, "COPY")
        if not line.startswith("--from")
        for source in line.split()[:-1]
    ]
    passed = {line[1:] for line in read(".dockerignore").splitlines() if line.startswith("!")}
    assert all((ROOT / source).exists() for source in copied)
    assert set(copied) == passed


def test_the_image_holds_every_package_that_the_service_imports(instructions):
    copied = " ".join(arguments(final_stage(instructions), "COPY")).split()
    assert {"api", "models", "monitor", "wsgi.py", "gunicorn.conf.py"} <= set(copied)


def test_the_image_installs_nothing_without_a_hash(instructions):
    installs = [line for line in arguments(instructions, "RUN") if "pip install" in line]
    assert len(installs) == 2
    assert all("--require-hashes" in line for line in installs)


def test_the_image_runs_as_nobody_special_and_keeps_data_in_a_volume(instructions):
    final = final_stage(instructions)
    assert arguments(final, "USER") == ["10001:10001"]
    assert arguments(final, "VOLUME") == ["/data"]
    assert any("DATABASE_URL=sqlite:////data/" in line for line in arguments(final, "ENV"))
    # Nothing after USER may need more rights than it has.
    after = [name for name, _ in final[[name for name, _ in final].index("USER") :]]
    assert not {"RUN", "COPY", "ADD"} & set(after)


def test_the_image_serves_by_gunicorn_and_is_stopped_by_sigterm(instructions):
    final = final_stage(instructions)
    command = yaml.safe_load(arguments(final, "CMD")[-1])
    assert command == ["gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
    assert arguments(final, "STOPSIGNAL") == ["SIGTERM"]
    assert any("TINGFENG_BIND=0.0.0.0:8000" in line for line in arguments(final, "ENV"))
    assert arguments(final, "EXPOSE") == ["8000"]


def health_check(instructions):
    _, command = arguments(final_stage(instructions), "HEALTHCHECK")[0].split("CMD ", 1)
    return [sys.executable, *yaml.safe_load(command)[1:]]


# -- compose ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load(read("compose.yaml"))["services"]


def test_api_and_worker_share_one_volume(services):
    assert set(services) == {"api", "worker"}
    assert services["api"]["volumes"] == services["worker"]["volumes"] == ["data:/data"]
    assert "data" in yaml.safe_load(read("compose.yaml"))["volumes"]


@pytest.mark.parametrize("name", ["api", "worker"])
def test_a_container_has_no_more_rights_than_it_needs(services, name):
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108  # the container's own
    assert "privileged" not in service
    assert service["env_file"] == [{"path": ".env", "required": False}]


def test_compose_opens_the_service_to_this_machine_only(services):
    assert services["api"]["ports"] == ["127.0.0.1:8000:8000"]
    assert "ports" not in services["worker"]


def test_the_worker_of_compose_is_a_command_that_exists(services):
    module, command = services["worker"]["command"][2:]
    assert services["worker"]["command"][:2] == ["python", "-m"]
    done = subprocess.run(
        [sys.executable, "-m", module, command, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Usage: python -m monitor worker" in done.stdout


# -- scripts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_can_be_run_and_stops_at_its_first_error(script):
    assert (ROOT / script).stat().st_mode & stat.S_IXUSR
    shell = shlex.split(read(script).splitlines()[0].removeprefix("#!"))[-1]
    subprocess.run([shell, "-n", ROOT / script], check=True)
    assert re.search(r"(?m)^set -eu", read(script))


def checked(tmp_path, make):
    """Run `.ci/run` of a copy in which `make` is a script of ours."""
    (tmp_path / ".ci").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / ".ci/run").write_text(read(".ci/run"))
    (tmp_path / "bin/make").write_text(f"#!/bin/sh\n{make}\n")
    (tmp_path / "bin/make").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", tmp_path / ".ci/run"], env=environment, capture_output=True, text=True, check=False
    )


def test_the_check_of_a_bare_machine_calls_make_test_under_ci(tmp_path):
    done = checked(tmp_path, 'echo "$CI $*"; echo "==== 3 passed in 0.12s ===="; echo bye')
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "true test",
        "==== 3 passed in 0.12s ====",
        "bye",
        "==== 3 passed in 0.12s ====",
    ]


def test_the_check_of_a_bare_machine_fails_when_the_tests_do(tmp_path):
    done = checked(tmp_path, 'echo "==== 1 failed in 75.30s (0:01:15) ===="; exit 2')
    assert done.returncode == 2
    assert done.stdout.splitlines()[-1] == "==== 1 failed in 75.30s (0:01:15) ===="


# -- serving ---------------------------------------------------------------------------------------


class Serving:
    """`tools/serve.py` on an empty folder."""

    def __init__(self, folder, bind):
        self.bind = bind
        environment = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{folder}/tingfeng.db",
            "TINGFENG_BIND": bind,
            "TINGFENG_WORKERS": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "tools/serve.py"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def lines_until(self, word):
        lines = []
        for line in self.process.stdout:
            lines.append(line.strip())
            if word in line:
                return lines
        raise AssertionError(lines)

    def children(self, word):
        return [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and self.is_child(entry, word)
        ]

    def is_child(self, entry, word):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            return parent == self.process.pid and word in (entry / "cmdline").read_text()
        except OSError:
            return False

    def get(self, path, key):
        request = Request(f"http://{self.bind}{path}", headers={"Authorization": f"Bearer {key}"})
        with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
            return answer.read().decode()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=60)[0], self.process.returncode


@pytest.fixture
def serving(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        bind = f"127.0.0.1:{free.getsockname()[1]}"
    running = Serving(tmp_path, bind)
    yield running
    running.process.kill()
    running.process.communicate()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_it_serves_watches_over_its_worker_and_stops_cleanly(serving, instructions):
    welcome = serving.lines_until("running")
    key = re.search(r"tf_[\w-]{43}", welcome[0])[0]
    assert '"admin"' in serving.get("/api/v1/me", key)
    environment = {**os.environ, "TINGFENG_BIND": serving.bind}
    subprocess.run(health_check(instructions), env=environment, check=True)

    (worker,) = serving.children("worker")
    os.kill(worker, signal.SIGKILL)
    serving.lines_until("started again")
    deadline = time.monotonic() + 20
    while serving.children("worker") in ([], [worker]) and time.monotonic() < deadline:
        os.sched_yield()
    (newer,) = serving.children("worker")
    assert newer != worker

    (api,) = serving.children("gunicorn")
    said, code = serving.stop()
    assert (code, said.strip()) == (0, "已停止 / stopped")
    assert not Path(f"/proc/{newer}").exists()
    assert not Path(f"/proc/{api}").exists()


def test_what_it_stores_is_for_its_own_user_alone(serving, tmp_path):
    serving.lines_until("running")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.rglob("*")}
    assert {"tingfeng.db", "pepper"} <= set(modes)
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends the children on Linux only")
def test_killed_it_leaves_nothing_behind_that_holds_the_address(serving):
    serving.lines_until("running")
    children = [*serving.children("gunicorn"), *serving.children("worker")]
    ends = [os.pidfd_open(child) for child in children]
    serving.process.kill()
    assert len(ends) == 2
    for end in ends:
        assert select.select([end], [], [], 60)[0]
        os.close(end)
    host, port = serving.bind.split(":")
    socket.create_server((host, int(port))).close()


def test_it_does_not_start_where_the_address_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        serving = Serving(tmp_path, f"127.0.0.1:{taken.getsockname()[1]}")
        said, _ = serving.process.communicate(timeout=60)
    assert serving.process.returncode == 1
    assert said == ""
    assert list(tmp_path.iterdir()) == []


def test_only_the_first_start_makes_a_key_and_shows_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/tingfeng.db")
    serve.welcome()
    shown = re.search(r"tf_[\w-]{43}", capsys.readouterr().out)[0]
    serve.welcome()
    assert capsys.readouterr().out == ""
    store = open_store(f"sqlite:///{tmp_path}/tingfeng.db")
    assert store.keys.by_hash(digest(shown)).may("admin")
    store.close()
