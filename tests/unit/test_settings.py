import os
import stat
import threading

import pytest

from monitor.errors import ConfigurationError
from monitor.settings import Settings, load_settings, pepper_of
from monitor.store import open_store


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """No `.env` and no setting of this machine reaches the tests."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("TINGFENG_") or name == "DATABASE_URL":
            monkeypatch.delenv(name)


def test_everything_has_a_default():
    found = load_settings()
    assert found.database_url == "sqlite:///data/tingfeng.db"
    assert found.alert_max_age == 7200
    assert found.outgoing_allow == ()


def test_settings_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "sqlite:///x.db")
    monkeypatch.setenv("TINGFENG_OUTGOING_ALLOW", "10.0.0.1:80, 192.168.0.0/16,")
    monkeypatch.setenv("TINGFENG_SMTP_PASSWORD", "geheim")
    found = load_settings()
    assert found.database_url == "sqlite:///x.db"
    assert found.outgoing_allow == ("10.0.0.1:80", "192.168.0.0/16")
    assert "geheim" not in repr(found)


def test_settings_come_from_a_file(tmp_path):
    (tmp_path / ".env").write_text("TINGFENG_ALERT_MAX_AGE=900\nSOMETHING_ELSE=1\n")
    assert load_settings().alert_max_age == 900


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALERT_MAX_AGE", "60"),
        ("SENTIMENT", "gpt"),
        ("SMTP_PORT", "70000"),
        ("DETECT_SECONDS", "x"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not_told(monkeypatch, name, value):
    monkeypatch.setenv(f"TINGFENG_{name}", value)
    with pytest.raises(ConfigurationError, match=f"(?i){name}"):
        load_settings()


@pytest.mark.parametrize(
    "url", ["", "x.db", "sqlite://host/x.db", "sqlite:///", "mysql://x/y", "postgresql://u:p@h/d"]
)
def test_an_address_of_no_store_is_refused_without_telling_its_password(url):
    with pytest.raises(ConfigurationError, match="DATABASE_URL") as refusal:
        open_store(url)
    assert "u:p" not in str(refusal.value)


def pepper_settings(tmp_path):
    return Settings(_env_file=None, database_url=f"sqlite:///{tmp_path}/sub/t.db")


def test_the_pepper_is_made_once_for_its_owner_only(tmp_path):
    given = pepper_settings(tmp_path)
    first = pepper_of(given)
    assert len(first) == 32
    assert pepper_of(given) == first
    path = tmp_path / "sub" / "pepper"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["pepper"]


def test_processes_that_start_at_once_agree_on_the_pepper(tmp_path):
    given = pepper_settings(tmp_path)
    start = threading.Barrier(8)
    found = []

    def read():
        start.wait()
        found.append(pepper_of(given))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_pepper_that_was_cut_short_is_refused(tmp_path):
    path = tmp_path / "p"
    path.write_bytes(b"short")
    given = Settings(_env_file=None, pepper_file=path)
    with pytest.raises(ConfigurationError, match="匿名化密钥"):
        pepper_of(given)
