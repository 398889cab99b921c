"""Channels and leases as the store keeps them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.domain import Channel
from monitor.errors import Conflict, UnknownThing
from tests.rows import NOW

CONFIG = {"url": "https://example.com/hook", "secret": "whsec_" + "c" * 32}
CHANNEL = Channel("room", "webhook", "值班室", CONFIG, ("xingtu",))


@pytest.fixture
def channels(service):
    service.store.channels.add(CHANNEL, NOW)
    return service.store.channels


def test_a_channel_is_kept_as_it_was_given(channels):
    assert channels.get("room") == CHANNEL
    assert channels.all() == [CHANNEL]


def test_an_id_is_taken_only_once(channels):
    with pytest.raises(Conflict):
        channels.add(replace(CHANNEL, name="别的"), NOW)
    assert channels.get("room").name == "值班室"


def test_a_change_is_made_to_the_channel_as_it_is(channels, client, monkeypatch):
    change = channels.change

    def late(self, channel_id, step):
        change(channel_id, lambda held: replace(held, language="en"))
        return change(channel_id, step)

    monkeypatch.setattr(type(channels), "change", late)
    answer = client.patch("/api/v1/channels/room", json={"enabled": False})
    assert (answer.json["enabled"], answer.json["language"]) == (False, "en")
    assert channels.get("room") == replace(CHANNEL, enabled=False, language="en")


def test_nothing_is_changed_where_there_is_none(channels):
    with pytest.raises(UnknownThing):
        channels.change("nobody", lambda held: held)


def test_a_lease_from_before_the_clock_was_set_back_is_over(service):
    leases = service.store.leases
    assert leases.take("worker", "a", NOW, 60)
    assert not leases.take("worker", "b", NOW + 59, 60)
    assert not leases.take("worker", "b", NOW, 60)
    assert leases.take("worker", "b", NOW - 1, 60)
