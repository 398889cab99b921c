"""Settings → wired objects. The only place that chooses an implementation."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.analyser import Analyser
from models.baselines import SnowNlpReader
from models.second import SecondOpinionMissingError
from models.segment import Segmenter
from monitor import notify
from monitor.detect import SENSITIVITIES, Policy, exact
from monitor.errors import ConfigurationError
from monitor.keys import ApiKey, digest, new_secret
from monitor.learning import FollowUp
from monitor.links import Links
from monitor.notify.http import GuardedClient
from monitor.pipeline import Pipeline, Reader
from monitor.reread import Rereader
from monitor.retrain import Nightly
from monitor.room import Room
from monitor.settings import Settings, load_settings, pepper_of
from monitor.store import Store, open_store
from monitor.watch import Watcher
from monitor.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from monitor.notify.transport import Transport


def clock() -> int:
    """Return the present, in whole UTC seconds."""
    return int(time.time())


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that the API, the worker and the command line work with.

    `base` is the version of the shipped model, beneath any adapter.
    """

    settings: Settings
    store: Store
    pipeline: Pipeline
    watcher: Watcher
    room: Room
    transports: dict[str, Transport]
    pepper: bytes
    clock: Callable[[], int]
    base: str = ""

    def worker(self) -> Worker:
        """Return the background loop."""
        return Worker(
            self.store,
            self.watcher,
            self.room,
            self.transports,
            clock=self.clock,
            detect_seconds=self.settings.detect_seconds,
            chores=self._chores(),
        )

    def _chores(self) -> list[Callable[[int], object]]:
        chores: list[Callable[[int], object]] = [
            Rereader(self.store, self.pipeline).step,
            FollowUp(self.store).step,
        ]
        if self.settings.retrain and self.settings.sentiment == "linear":
            chores.append(Nightly(self.store, self.base, self.settings.retrain_hour).step)
        return chores


@dataclass(frozen=True, slots=True)
class StoreOnly:
    """The store and the clock, for commands that read no text."""

    store: Store
    clock: Callable[[], int]
    settings: Settings

    @classmethod
    def open(cls) -> StoreOnly:
        """Open the store of the settings."""
        settings = load_settings()
        return cls(open_store(settings.database_url), clock, settings)

    def room(self) -> Room:
        """Return where incidents are changed."""
        return Room(self.store, Links(self.settings.public_url, pepper_of(self.settings)))


def build(settings: Settings | None = None, now: Callable[[], int] = clock) -> Service:
    """Wire the service; raises ConfigurationError or StoreUnavailable."""
    settings = settings or load_settings()
    store = open_store(settings.database_url)
    pepper = pepper_of(settings)
    reader = _reader(settings)
    room = Room(store, Links(settings.public_url, pepper))
    return Service(
        settings=settings,
        store=store,
        pipeline=Pipeline(store, reader, pepper, now),
        watcher=Watcher(
            store,
            room,
            max_age=settings.alert_max_age,
            cut=Segmenter().cut_all,
            policy=policy_of(settings),
        ),
        room=room,
        transports=notify.build(GuardedClient(settings.outgoing_allow), _smtp(settings)),
        pepper=pepper,
        clock=now,
        base=reader.version,
    )


def policy_of(settings: Settings) -> Policy:
    """Return what counts as a burst: the preset, or the exact threshold that is set."""
    preset = SENSITIVITIES[settings.sensitivity]
    return preset if settings.threshold is None else exact(preset, settings.threshold)


def _reader(settings: Settings) -> Reader:
    analyser = _analyser(settings.second_opinion)
    return SnowNlpReader(analyser) if settings.sentiment == "snownlp" else analyser


def _analyser(second: Path | None) -> Analyser:
    try:
        return Analyser.load(second)
    except SecondOpinionMissingError as error:
        raise ConfigurationError(str(error)) from None


def _smtp(settings: Settings) -> notify.Smtp | None:
    if not settings.smtp_host or not settings.smtp_from:
        return None
    return notify.Smtp(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.smtp_from,
        username=settings.smtp_user or "",
        password=settings.smtp_password.get_secret_value() if settings.smtp_password else "",
        security=settings.smtp_security,
    )


def issue_key(
    store: Store,
    name: str,
    scopes: Sequence[str],
    now: int,
    *,
    brands: Sequence[str] | None = None,
    expires_at: int | None = None,
) -> tuple[ApiKey, str]:
    """Make and store a key; the secret that comes back is never shown again."""
    key_id, secret = new_secret()
    key = ApiKey(
        key_id,
        name,
        frozenset(scopes),
        None if brands is None else frozenset(brands),
        now,
        expires_at,
    )
    store.keys.add(key, digest(secret))
    return key, secret
