"""Files that say what to tune: YAML or JSON, with cards in it or beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from couler_plugins.documents import MAX_BYTES, Document, read
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.trials import Task
from couler_plugins.hpo.hugging_face import data_card, model_card
from couler_plugins.hpo.reading import read_task

__all__ = ["ANNOTATION", "read_annotation", "read_task_file", "tune_annotations"]

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
            raise InvalidInput("data.metric is missing", path=("data",), hint="such a card does not say what counts")
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
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{what} cannot be read: {error.strerror}", file=str(path)) from error
