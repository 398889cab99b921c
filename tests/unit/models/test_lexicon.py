from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.lexicon import Batch, Lexicon, load

LEXICON = Lexicon({"fire": ["着火", "VX"], "harmless": ["着火锅"]})
TEXTS = st.lists(st.text(st.sampled_from("着火锅 vXİ\0吃"), max_size=12), max_size=8)


@given(TEXTS)
def test_a_batch_gives_what_its_texts_give_alone(texts):
    assert LEXICON.find_all(texts) == [LEXICON.find_all([text])[0] for text in texts]


@given(TEXTS)
def test_offsets_point_at_the_phrase_in_its_own_text(texts):
    for text, hits in zip(texts, LEXICON.find_all(texts), strict=True):
        assert all(text[hit.start : hit.end].lower() in ("着火", "vx") for hit in hits)


def test_no_phrase_reaches_from_one_text_into_the_next():
    assert LEXICON.find_all(["着", "火", "着火"]) == [[], [], [("fire", 0, 2)]]


def test_a_harmless_phrase_hides_the_one_inside_it():
    assert LEXICON.find_all(["吃着火锅聊着火"]) == [[("fire", 5, 7)]]


def test_letters_match_in_either_case_even_beside_letters_that_grow():
    assert LEXICON.find_all(["加vx", "İ加Vx"]) == [[("fire", 1, 3)], [("fire", 2, 4)]]


def test_a_text_without_a_needed_phrase_gives_none_of_its_others():
    lexicon = Lexicon({"praise": ["真快"], "bad": ["坏了"], "harmless": ["真快递"]})
    texts = ["坏了", "真快，坏了", "真快递坏了", "真快"]
    everything = lexicon.find_all(texts)
    assert lexicon.find_all(texts, needing={"praise"}) == [[], everything[1], [], everything[3]]
    assert len(everything[0]) == len(everything[2]) == 1


def test_matches_are_places_in_the_joined_texts():
    batch = Batch(["加VX", "吃着火锅"])
    found = [(LEXICON.groups[i], batch.joined[a:b]) for i, a, b in LEXICON.matches(batch)]
    assert found == [("fire", "vx"), ("harmless", "着火锅")]


def test_no_texts_give_nothing():
    assert LEXICON.find_all([]) == []


@pytest.mark.parametrize("name", ["aspects", "intent", "opinionless", "risk", "stage", "words"])
def test_no_shipped_phrase_is_blank_or_stands_in_two_lists(name):
    groups = [words for table in load(name).values() for words in table.values()]
    words = [word for group in groups for word in group]
    assert all(word and word == word.strip() for word in words)
    assert len(words) == len({word.lower() for word in words})
