"""Cards in the form that Hugging Face gives them: Markdown files with YAML between dashes at their top."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from couler_plugins.documents import MAX_BYTES, read
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.cards import DataCard, ModelCard
from couler_plugins.hpo.reading import read_data_card, read_model_card

__all__ = ["data_card", "front_matter", "model_card"]

Card = TypeVar("Card")

FENCE = "---"
INPUTS = ("tabular", "image", "text", "audio", "video", "token", "time-series")
"""Words that the identifiers of tasks begin with, such as `image-classification`."""


def data_card(text: str, file: str, metric: str, direction: str = "") -> DataCard:
    """The Data Card of a data set's README.

    Args:
        text: the README.
        file: its name, for errors.
        metric: what counts: such a card does not say.
        direction: whether more of it is better; may be left out for metrics that everybody knows.

    Raises:
        InvalidInput: there is no front matter, or a field of it is not what it has to be.
    """
    matter, body = front_matter(text, file)
    fields: dict[str, Any] = {"name": matter.get("pretty_name") or file, "metric": metric, "direction": direction}
    tasks = matter.get("task_ids") or matter.get("task_categories") or []
    if isinstance(tasks, list) and tasks:
        fields["label-space"] = str(tasks[0])
        fields["input-type"] = next((word for word in INPUTS if str(tasks[0]).startswith(word)), "")
    info = matter.get("dataset_info")
    info = info[0] if isinstance(info, list) and info else info
    if isinstance(info, Mapping):
        fields |= _counts(info, file)
    return _placed(file, read_data_card, {**fields, "description": _summary(body)})


def model_card(text: str, file: str) -> ModelCard:
    """The Model Card of a model's README.

    Raises:
        InvalidInput: there is no front matter, or a field of it is not what it has to be.
    """
    matter, body = front_matter(text, file)
    name = matter.get("model_name") or matter.get("base_model") or file
    structure = matter.get("library_name") or matter.get("pipeline_tag") or ""
    name = name[0] if isinstance(name, list) and name else name
    return _placed(file, read_model_card, {"name": name, "structure": structure, "description": _summary(body)})


def front_matter(text: str, file: str) -> tuple[Mapping[str, Any], str]:
    """What stands between the dashes at the top of a file, and the text below.

    Raises:
        InvalidInput: nothing does, or it is no mapping.
    """
    lines = text.splitlines()
    if not lines or lines[0].strip() != FENCE or FENCE not in (rest := [line.strip() for line in lines[1:]]):
        raise InvalidInput(
            "this card has no front matter", file=file, line=1, hint=f"YAML between two lines of {FENCE}"
        )
    end = rest.index(FENCE) + 1
    (document, *more) = read("\n".join(["", *lines[1:end]]), file, max_bytes=MAX_BYTES).documents
    if more or not isinstance(document.data, Mapping):
        raise InvalidInput("the front matter is no mapping", file=file, line=1)
    return document.data, "\n".join(lines[end + 1 :])


def _counts(info: Mapping[str, Any], file: str) -> dict[str, Any]:
    """The size of the training split, and the classes of the label."""
    counts: dict[str, Any] = {}
    splits = [split for split in info.get("splits") or [] if isinstance(split, Mapping)]
    train = next((split for split in splits if split.get("name") == "train"), None)
    if train is not None and "num_examples" in train:
        counts["size"] = train["num_examples"]
    for feature in info.get("features") or []:
        kind = feature.get("dtype") if isinstance(feature, Mapping) else None
        names = kind.get("class_label", {}).get("names") if isinstance(kind, Mapping) else None
        if isinstance(names, Mapping) and names:
            counts |= {"classes": len(names), "label-space": ", ".join(map(str, names.values()))[:200]}
    return counts


def _summary(body: str) -> str:
    """The first paragraph that is no heading."""
    paragraphs = (part.strip() for part in body.split("\n\n"))
    return next((part for part in paragraphs if part and not part.startswith(("#", "<", "!["))), "")[:2_000]


def _placed(file: str, reader: Callable[[Any], Card], fields: dict[str, Any]) -> Card:
    try:
        return reader(fields)
    except InvalidInput as error:
        error.file, error.line = file, 1
        raise
