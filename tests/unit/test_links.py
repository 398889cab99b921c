"""Links in messages: signed, ending, and saying nothing to whoever forges them."""

import pytest

from monitor.errors import InputError
from monitor.links import LASTS, Links
from tests.rows import NOW

LINKS = Links("https://tingfeng.example/", b"a pepper that is only for tests!")


def token(links=LINKS, now=NOW):
    return links.acknowledge("in_1", "群", now).rsplit("/", 1)[1]


def test_a_link_says_what_it_allows_until_it_ends():
    ticket = LINKS.read(token(), NOW + LASTS - 1)
    assert (ticket.incident, ticket.channel, ticket.expires_at) == ("in_1", "群", NOW + LASTS)
    with pytest.raises(InputError, match="过期"):
        LINKS.read(token(), NOW + LASTS)


def test_two_links_have_two_marks_and_neither_gives_the_link_away():
    marks = {LINKS.read(token(now=NOW + i), NOW).mark for i in range(3)}
    assert len(marks) == 3
    assert all(mark not in token().encode() for mark in marks)


@pytest.mark.parametrize("forge", ["", "x", "WzEsMiwzXQ.abc", "é" * 10, "." * 500])
def test_a_forged_link_is_refused(forge):
    with pytest.raises(InputError, match="无效"):
        LINKS.read(forge, NOW)


def test_a_link_of_another_installation_is_refused():
    other = Links("https://tingfeng.example", b"another pepper, just as long as it")
    with pytest.raises(InputError, match="无效"):
        LINKS.read(token(other), NOW)


def test_every_change_of_a_token_is_noticed():
    good = token()
    for i in range(len(good)):
        bad = good[:i] + ("A" if good[i] != "A" else "B") + good[i + 1 :]
        try:
            assert LINKS.read(bad, NOW) == LINKS.read(good, NOW)  # an unused bit of base64
        except InputError:
            continue


def test_without_a_public_address_there_are_no_links():
    nowhere = Links(None, b"a pepper that is only for tests!")
    assert nowhere.page("al_1") is None
    assert nowhere.acknowledge("in_1", "群", NOW) is None
