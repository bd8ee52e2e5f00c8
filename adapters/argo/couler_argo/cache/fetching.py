"""Input artifacts of wrapped steps that come out of the store: declared datasets over plain HTTP.

Argo's own init container is the first one of a pod, so what it puts into the place of such an artifact is a text that
names the dataset (`raw`), and an init container of ours writes the dataset over it. What a call passes instead is no
such text, and stays. Source: `workflow/executor/executor.go` (`LoadArtifacts`: what is unpacked, and `mode`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from couler_argo.cache.wrappable import later_by
from couler_argo.documents import rest_of
from couler_argo.references import native
from couler_argo.spelling import write
from couler_plugins.caching.dataplane.datasets import Dataset, dataset_text, read_dataset
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.ir import Operation, Port, replace

LONGEST = 4096  # characters of a text that stands for a dataset
WHOLE: dict[str, Any] = {"archive": {"none": {}}}
"""Else Argo unpacks what turns out to be an archive."""
WRITABLE = {**WHOLE, "mode": 0o777}
"""Our container is another user than Argo's. The mode is also that of what a call passes instead, be it a folder."""


def fetched_inputs(item: Operation, labels: Mapping[str, str]) -> str:
    """Return which input artifacts of a template our container can fetch, as the option of the wrapper says it.

    Args:
        item: the template. One with a deadline of its own has none: what the store takes would count towards it.
        labels: the versions that are declared of its input artifacts, by name.
    """
    if later_by(item, 1):
        return ""
    read = {port.name: _certain(_url_of(port), labels[port.name]) for port in item.inputs if port.name in labels}
    return _option({name: dataset.label for name, dataset in read.items() if dataset is not None})


def with_texts(item: Operation, option: str) -> tuple[Operation, list[str]]:
    """Return the template with texts that name datasets in the place of artifacts, and where these are."""
    labels = json.loads(option) if option else {}
    inputs = tuple(_with_text(port, labels[port.name]) if port.name in labels else port for port in item.inputs)
    paths = [str(write(port.path)) for port in item.inputs if port.name in labels and port.path is not None]
    return replace(item, inputs=inputs), paths


def without_texts(item: Operation) -> tuple[Operation, str]:
    """Return the template as it was before `with_texts`, and the option."""
    named = {port.name: read_dataset(mapping_at(_origin(port), "raw").get("data")) for port in item.inputs}
    labels = {name: dataset.label for name, dataset in named.items() if dataset is not None}
    inputs = tuple(
        replace(port, origin=native({"http": {"url": dataset.url}}), native_extra=native(WHOLE))
        if (dataset := named[port.name]) is not None
        else port
        for port in item.inputs
    )
    return replace(item, inputs=inputs), _option(labels)


def _certain(url: str, label: str) -> Dataset | None:
    """Return a dataset; None for what would not be understood in the pod, and so would be the content there."""
    dataset = read_dataset(dataset_text(url, label))
    text = "" if dataset is None else dataset_text(url, dataset.label)
    return dataset if url and "{{" not in text and len(text) < LONGEST and read_dataset(text) == dataset else None


def _option(labels: Mapping[str, str]) -> str:
    return json.dumps(labels, sort_keys=True) if labels else ""


def _with_text(port: Port, label: str) -> Port:
    text = dataset_text(_url_of(port), label)
    return replace(port, origin=native({"raw": {"data": text}}), native_extra=native(WRITABLE))


def _origin(port: Port) -> dict[str, Any]:
    origin = write(port.origin) if port.origin is not None else None
    return origin if isinstance(origin, dict) else {}


def _url_of(port: Port) -> str:
    """The URL of an artifact that is one file, which anybody may read; empty for all others."""
    match _origin(port):
        case {"http": {"url": str(url), **access}, **others} if not access and not others:
            plain = port.kind == "artifact" and port.value is None and not port.optional and rest_of(port) == WHOLE
            return url if plain and url.startswith(("http://", "https://")) else ""
    return ""
