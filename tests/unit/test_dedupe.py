import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.dedupe import identity, key64, text_key

IDS = st.tuples(st.text(max_size=6), st.text(max_size=6), st.text(max_size=6)).map(
    lambda parts: (parts[0].replace("\0", ""), parts[1].replace("\0", ""), parts[2])
)


@settings(deadline=None)
@given(IDS, IDS)
def test_it_gives_one_identity_to_one_mention_only(one, other):
    assert (identity(*one) == identity(*other)) == (one == other)
    assert len(identity(*one)) == 16


def test_it_keeps_its_identities_for_ever():
    assert identity("weibo", "post", "1").hex() == "e4a7797f34d79dae4fd8950043b31784"
    assert key64("weibo", "1") == 1993098765356542


@pytest.mark.parametrize(
    "copy", ["客服太差了", "客服 太差了！！！", "客服太差了…", "客服\n太差了~", " 客服太差了。。"]
)
def test_it_sees_through_spacing_and_closing_marks(copy):
    assert text_key(copy) == text_key("客服太差了")


def test_it_sees_through_case():
    assert text_key("iPhone Good") == text_key("IPHONE good")


@pytest.mark.parametrize("other", ["客服太好了", "客服太差了[怒]", "客服太差了😡", "客服，太差了"])
def test_it_keeps_different_texts_apart(other):
    assert text_key(other) != text_key("客服太差了")


@pytest.mark.parametrize("nothing", ["", "  ", "。。。", "？！", "___", "//"])
def test_it_has_no_key_for_a_text_that_says_nothing(nothing):
    assert text_key(nothing) is None


@pytest.mark.parametrize("little", ["a", "好", "7", "[怒]", "😡", "❤", "⭐"])
def test_it_has_a_key_for_a_text_that_says_little(little):
    assert len(text_key(little)) == 16


@settings(deadline=None)
@given(st.text(st.characters(), max_size=40))
def test_it_never_fails_on_a_text(text):
    assert text_key(text) in (None, text_key(text + " "))


@settings(deadline=None)
@given(st.text(max_size=10), st.text(max_size=10))
def test_it_numbers_parents_within_the_range_of_the_store(platform, native_id):
    assert -(2**63) <= key64(platform, native_id) < 2**63


def test_it_numbers_a_parent_whatever_its_kind():
    assert key64("weibo", "1") != key64("xhs", "1")
