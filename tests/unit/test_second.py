from __future__ import annotations

import builtins
import json
from dataclasses import asdict

import numpy as np
import pytest

from models.e5 import E5File, ModelMissingError, by_length, tokeniser
from models.second import BLEND, MODEL, TOKENISER, Blend, SecondOpinion, SecondOpinionMissingError

BLENDED = Blend(unsure=0.5, theirs=2.0)


class Pieces:
    """One token a character."""

    def encode_batch(self, texts):
        return [type("Found", (), {"ids": list(map(ord, text))})() for text in texts]


class Session:
    """Log-odds 1 for a text that begins with 好, -1 for any other."""

    def __init__(self):
        self.read = 0

    def run(self, _outputs, inputs):
        self.read += len(inputs["tokens"])
        return [np.where(inputs["tokens"][:, 0] == ord("好"), 1.0, -1.0)]


@pytest.fixture
def session():
    return Session()


@pytest.fixture
def second(session):
    return SecondOpinion(session, Pieces(), BLENDED, "00000000")


def test_texts_of_any_length_get_their_own_answers_in_order(second):
    assert second.log_odds(["好", "很坏", "好看", "坏", "好"]).tolist() == [1, -1, 1, -1, 1]


def test_only_unsure_texts_are_read_and_revised(second, session):
    revised = second.revise(["好", "坏", "坏"], np.array([-0.2, 0.1, 3.0]))
    assert revised == pytest.approx([1.8, -1.9, 3.0])
    assert session.read == 2


def test_no_unsure_text_needs_no_reading(second, session):
    assert second.revise(["好"], np.array([2.0])).tolist() == [2.0]
    assert second.revise([], np.zeros(0)).tolist() == []
    assert session.read == 0


def test_revising_leaves_the_first_opinion_as_it_was(second):
    polarity = np.array([0.1])
    second.revise(["坏"], polarity)
    assert polarity.tolist() == [0.1]


def test_without_its_libraries_it_says_what_to_install(monkeypatch, tmp_path):
    found = builtins.__import__

    def absent(name, *rest):
        if name.partition(".")[0] in {"onnxruntime", "tokenizers"}:
            raise ImportError(name)
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(SecondOpinionMissingError, match=r"requirements-extra\.txt"):
        SecondOpinion.load(tmp_path)


def test_without_its_files_it_says_what_to_run(tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tokenizers")
    (tmp_path / BLEND).write_text(json.dumps(asdict(BLENDED)), encoding="utf-8")
    with pytest.raises(SecondOpinionMissingError, match="make second") as refusal:
        SecondOpinion.load(tmp_path)
    assert MODEL in str(refusal.value)
    assert BLEND not in str(refusal.value)


def test_a_built_model_is_loaded_and_read(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tokenizers")
    text = """<ir_version: 9, opset_import: ["" : 20]>
    tiny (int64[texts, length] tokens) => (float[texts] odds)
    <int64[1] last = {1}> {
      numbers = Cast <to = 1> (tokens)
      odds = ReduceMean <keepdims = 0> (numbers, last)
    }"""
    onnx.save(onnx.parser.parse_model(text), tmp_path / MODEL)
    names = ["<s>", "<pad>", "</s>", "<unk>", "▁", "好", "坏"]
    tokeniser(names, [0.0, 0.0, 0.0, 0.0, -1.0, -1.0, -1.0]).save(str(tmp_path / TOKENISER))
    (tmp_path / BLEND).write_text(json.dumps(asdict(BLENDED)), encoding="utf-8")
    second = SecondOpinion.load(tmp_path)
    # <s> ▁ 好 坏 </s> are 0 4 5 6 2, and an unknown character is 3
    assert second.log_odds(["好坏", "噢", ""]) == pytest.approx([17 / 5, 9 / 4, 1.0])
    assert len(second.version) == 8


def test_batches_are_of_equal_length_and_answers_in_the_texts_order():
    shapes = []

    def first(batch):
        shapes.append(batch.shape)
        return batch[:, 0].astype(np.float32)

    assert by_length([[5, 1], [7], [6, 2], [8]], first, most=1).tolist() == [5, 7, 6, 8]
    assert sorted(shapes) == [(1, 1), (1, 1), (1, 2), (1, 2)]
    assert by_length([], first).tolist() == []


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"GGUF" + bytes(60))
    with pytest.raises(ValueError, match="e5"):
        E5File.read(tmp_path / "model.bin")


def test_without_the_language_model_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("models.e5.find_spec", lambda _name: None)
    with pytest.raises(ModelMissingError, match=r"requirements-extra\.txt"):
        E5File.installed()
