"""Files that say what to tune: YAML or JSON, with cards in it or beside it, also those of Hugging Face."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from couler_plugins.documents import MAX_BYTES, Document, read
from couler_plugins.errors import InvalidInput, restating
from couler_plugins.hookspecs.cards import DataCard, ModelCard
from couler_plugins.hookspecs.trials import Task
from couler_plugins.hpo.reading import read_data_card, read_model_card, read_task

# Cards in the form that Hugging Face gives them: Markdown files with YAML between dashes at their top.

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


ANNOTATION = "couler.io/tune"
"""The annotation of a step that holds what such a file does."""


def read_task_file(path: Path, max_bytes: int = MAX_BYTES) -> Task:
    """What to tune, from a file; `data: {card: README.md, metric: auc}` and `model: {card: …}` name cards beside it.

    Raises:
        InvalidInput: a file cannot be read, or a field is missing, unknown, or not what it has to be.
    """
    return _read(_single(_bytes(path, "it"), str(path), max_bytes), path.parent)


def tune_annotations(
    data: Mapping[str, Any],
    space: Mapping[str, Any],
    model: Mapping[str, Any] | None = None,
    candidates: Sequence[Mapping[str, Any]] = (),
    metric_from: str = "",
) -> dict[str, str]:
    """The annotations of a step that is to be tuned, for those who write workflows in Python.

    Args:
        data, space, model, candidates: what a file would say under these names.
        metric_from: the output that holds the metric, where it has not the metric's name.

    Raises:
        InvalidInput: a field is missing, unknown, or not what it has to be.
    """
    texts = {"data": data, "model": model, "space": space, "candidates": [*candidates], "metric-from": metric_from}
    document = {name: content for name, content in texts.items() if content}
    read_task(document)
    return {ANNOTATION: json.dumps(document)}


def read_annotation(text: str, step: str) -> Task:
    """What to tune, from the annotation of a step. It names no files: whoever writes a manifest does not read ours.

    Raises:
        InvalidInput: it is not one document, or a field is missing, unknown, or not what it has to be.
    """
    try:
        return _read(_single(text, f"{ANNOTATION} of {step}"), None)
    except InvalidInput as error:
        error.step = step
        raise


def _single(content: bytes | str, name: str, max_bytes: int = MAX_BYTES) -> Document:
    documents = read(content, name, max_bytes=max_bytes).documents
    if len(documents) != 1:
        raise InvalidInput("it has to be one document", file=name)
    return documents[0]


def _read(document: Document, folder: Path | None) -> Task:
    data = document.data
    try:
        if isinstance(data, Mapping) and folder is not None:
            data = _with_cards(data, folder)
        return read_task(data)
    except InvalidInput as error:
        if error.file is None:
            error.file, error.line = document.file, document.line_of(error.path)
        raise


def _with_cards(data: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The document with cards of Hugging Face's in the place of their names."""
    import msgspec

    merged = dict(data)
    if isinstance(supplied := data.get("data"), Mapping) and "card" in supplied:
        name, text = _card(supplied["card"], folder, "data")
        if "metric" not in supplied:
            raise InvalidInput(
                "data.metric is missing", path=("data",), hint="a Data Card does not name the metric: add it here"
            )
        card = data_card(text, name, supplied["metric"], supplied.get("direction", ""))
        own = {key: value for key, value in supplied.items() if key != "card"}
        merged["data"] = {**msgspec.to_builtins(card), **own}
    if isinstance(supplied := data.get("model"), Mapping) and "card" in supplied:
        name, text = _card(supplied["card"], folder, "model")
        own = {key: value for key, value in supplied.items() if key != "card"}
        merged["model"] = {**msgspec.to_builtins(model_card(text, name)), **own}
    return merged


def _card(card: Any, folder: Path, field: str) -> tuple[str, str]:
    path = ((folder / str(card)).resolve()) if isinstance(card, str) else None
    if path is None or not path.is_relative_to(folder.resolve()):
        hint = "a card is beside the file that names it, or below"
        raise InvalidInput(f"{field}.card: {card!r:.60} is no file there", path=(field, "card"), hint=hint)
    content = _bytes(path, f"{field}.card")
    if len(content) > MAX_BYTES:
        raise InvalidInput(f"{field}.card: the file is too large", path=(field, "card"))
    return str(card), content.decode("utf-8", "replace")


def _bytes(path: Path, what: str) -> bytes:
    with restating(OSError, f"{what} cannot be read", file=str(path)):
        return path.read_bytes()
