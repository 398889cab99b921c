"""How the second opinion is measured; building one takes twenty minutes and is no test."""

from __future__ import annotations

import json

import pytest

from models.corpus import FAMILY, Row

for library in ("onnx", "onnxruntime", "tokenizers", "torch"):
    pytest.importorskip(library)

from tools.tune_second import held_out, means, unseen  # noqa: E402 - needs all of these


def row(source, split, label, text):
    return Row(source, FAMILY[source], split, label, text)


ROWS = [
    row(source, split, label, f"{source} {split} {label}")
    for source in FAMILY
    for split in ("train", "test")
    for label in (1, 0, -1)
    if (source, split) != ("zhang_restaurant", "test")
]


def figures(alone, second, asked=0.4):
    return {
        "asked": asked,
        "alone": {"n": 10, "accuracy": alone},
        "second": {"n": 10, "accuracy": second},
    }


def test_a_set_is_measured_on_the_polar_texts_of_its_test_split():
    assert {(r.split, r.label) for r in unseen(ROWS)["food"]["waimai"]} == {
        ("test", 1),
        ("test", -1),
    }


def test_a_set_without_a_test_split_is_measured_on_what_it_has():
    assert {r.split for r in unseen(ROWS)["food"]["zhang_restaurant"]} == {"train"}


def test_every_set_is_measured_in_its_family():
    found = {source: family for family, sets in unseen(ROWS).items() for source in sets}
    assert found == FAMILY


def test_means_count_each_set_once_and_leave_aside_those_with_hardly_a_negative():
    found = means(
        {
            "waimai": figures(0.8, 0.9),
            "zhang_restaurant": figures(0.6, 0.7, asked=0.2),
            "stock_comments": figures(0.4, 0.8, asked=0.0),
            "absa_shampoo": figures(0.0, 0.0),
            "absa_mooc": figures(0.0, 0.0),
        }
    )
    assert found["food"] == {
        "sets": 2,
        "asked": 0.3,
        "alone": {"accuracy": 0.7},
        "second": {"accuracy": 0.8},
    }
    assert found["mean"] == {
        "sets": 3,
        "asked": 0.2,
        "alone": {"accuracy": 0.6},
        "second": {"accuracy": 0.8},
    }
    assert set(found) == {"food", "finance", "mean"}


def test_a_family_that_was_measured_is_not_measured_again(tmp_path):
    for source in ("waimai", "stock_comments"):
        folder = tmp_path / FAMILY[source]
        folder.mkdir()
        held = {source: figures(0.5, 0.6)}
        (folder / "figures.json").write_text(json.dumps(held), encoding="utf-8")
    found = held_out(ROWS, tmp_path, ["food", "finance"])
    assert set(found["sets"]) == {"waimai", "stock_comments"}
    assert found["means"]["mean"]["second"] == {"accuracy": 0.6}
