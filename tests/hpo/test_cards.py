"""Files, annotations, and cards as Hugging Face has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from couler_plugins.errors import InvalidInput
from couler_plugins.hpo.files import data_card, model_card, read_annotation, read_task_file

DATA_CARD = """\
---
pretty_name: Handwritten digits
task_ids: [image-classification]
dataset_info:
  features:
  - {name: image, dtype: image}
  - name: label
    dtype:
      class_label:
        names: {'0': zero, '1': one, '2': two}
  splits:
  - {name: test, num_examples: 10}
  - {name: train, num_examples: 60000}
---

# Digits

Digits that people wrote,
in the post.

More.
"""
MODEL_CARD = "---\nmodel_name: tiny-mlp\nlibrary_name: sklearn\nlicense: mit\n---\n# A model\n\nTwo layers.\n"
TASK = """\
data:
  card: data/README.md
  metric: accuracy
  description: Only the threes.
model: {card: MODEL.md}
space:
  rate: {type: log-float, low: 1e-5, high: 1, default: 1e-3}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "README.md").write_text(DATA_CARD)
    (tmp_path / "MODEL.md").write_text(MODEL_CARD)
    (tmp_path / "tune.yaml").write_text(TASK)
    return tmp_path


def test_a_data_card_of_hugging_face() -> None:
    card = data_card(DATA_CARD, "README.md", "accuracy")
    assert (card.name, card.size, card.classes) == ("Handwritten digits", 60000, 3)
    assert (card.input_type, card.label_space) == ("image", "zero, one, two")
    assert card.description == "Digits that people wrote,\nin the post."


def test_a_model_card_of_hugging_face() -> None:
    card = model_card(MODEL_CARD, "README.md")
    assert (card.name, card.structure, card.description) == ("tiny-mlp", "sklearn", "Two layers.")


def test_a_file_names_cards_and_says_more(folder: Path) -> None:
    task = read_task_file(folder / "tune.yaml")
    assert task.data.name == "Handwritten digits"
    assert task.data.description == "Only the threes."
    assert task.model is not None
    assert task.model.name == "tiny-mlp"
    assert task.space.defaults == {"rate": 1e-3}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("low: 1e-5", "low: 0", "tune.yaml:7: space.rate: `low` is 0"),
        ("log-float", "logfloat", "tune.yaml:7: space.rate.type: 'logfloat' is no type; did"),
        ("metric: accuracy", "direction: maximize", "tune.yaml:1: data.metric is missing"),
        ("data/README.md", "../README.md", "data.card: '../README.md' is no file there"),
        ("data/README.md", "/etc/passwd", "data.card: '/etc/passwd' is no file there"),
        ("data/README.md", "missing.md", "data.card cannot be read"),
        ("space:", "search-space:", "tune.yaml:6: search-space: there is no such field"),
        ("data:", "- data:", "tune.yaml"),
    ],
)
def test_an_error_names_file_and_line(folder: Path, old: str, new: str, message: str) -> None:
    (folder / "tune.yaml").write_text(TASK.replace(old, new))
    with pytest.raises(InvalidInput) as caught:
        read_task_file(folder / "tune.yaml")
    assert message.partition("; did")[0] in str(caught.value)


@pytest.mark.parametrize("text", ["# No front matter", "---\nname: x\n", "---\n- a\n---\n", "", "---\n{: x\n---\n"])
def test_what_is_no_card_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        model_card(text, "README.md")


def test_a_card_with_a_field_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"data\.size: expected `int"):
        data_card(DATA_CARD.replace("60000", "many"), "README.md", "accuracy")


def test_an_annotation_is_read_and_names_no_files() -> None:
    text = "{data: {name: a, metric: auc}, space: {depth: {type: int, low: 1, high: 9}}}"
    assert read_annotation(text, "main/train").space.names == ("depth",)
    with pytest.raises(InvalidInput, match="object contains unknown field `card`") as caught:
        read_annotation(
            "{data: {card: README.md, metric: auc}, space: {depth: {type: int, low: 1, high: 9}}}", "main/train"
        )
    assert caught.value.step == "main/train"


@pytest.mark.parametrize("more", ["\n---\n", "\n---\ndata: 1\n"], ids=["empty", "full"])
def test_of_several_documents_none_is_left_out_silently(more: str, tmp_path: Path) -> None:
    text = "{data: {name: a, metric: auc}, space: {depth: {type: int, low: 1, high: 9}}}" + more
    (tmp_path / "task.yaml").write_text(text)
    with pytest.raises(InvalidInput, match="one document"):
        read_task_file(tmp_path / "task.yaml")
    with pytest.raises(InvalidInput, match="one document") as caught:
        read_annotation(text, "main/train")
    assert caught.value.step == "main/train"
