"""`couler krm`: `couler optimize` as a function of kustomize and kpt.

Source: KRM Functions Specification v1 (`config.kubernetes.io/v1`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from couler_plugins.cli.messages import write_bytes
from couler_plugins.cli.settings import max_bytes_option, with_settings
from couler_plugins.cli.work import refused_exit, say_refused, working
from couler_plugins.documents import Document, dump_yaml, read
from couler_plugins.driver.results import FileResult
from couler_plugins.driver.session import optimize_inputs, whole_file
from couler_plugins.errors import InvalidInput
from couler_plugins.inputs.sources import Input, read_stream
from couler_plugins.options.config import Config, load_config

OF_TOOLS = ("config.kubernetes.io/", "internal.config.kubernetes.io/", "config.k8s.io/", "kustomize.config.k8s.io/")
"""How annotations begin that tools follow one object by: a new object has none of them."""
PATH, INDEX = ("internal.config.kubernetes.io/path", "internal.config.kubernetes.io/index")


@click.command(
    "krm",
    epilog="""\b
Examples:
  kustomize build --enable-alpha-plugins --enable-exec overlays/production
  couler krm < resource-list.yaml
""",
)
@max_bytes_option
@with_settings
def command(*, config: Config) -> int:
    """Optimizes a ResourceList, as a function of kustomize and kpt.

    Reads it on stdin, and writes it on stdout. Its functionConfig may hold settings, named as in couler.toml: in `data`
    of a ConfigMap, in `spec` of any other object. Each change is a result. A workflow that is refused stays as it is,
    and is a result of severity `error`; then the exit code is not 0.
    """
    stream = whole_file(read_stream(sys.stdin.buffer, "<stdin>", config.max_bytes))
    resources = _resource_list(stream.documents)
    function = resources.get("functionConfig") or {}
    settings = function.get("data" if function.get("kind") == "ConfigMap" else "spec") or {}
    flags = {name: getattr(config, name) for name, origin in config.origins.items() if origin == "flag"}
    config = load_config(flags, document=settings)
    items = resources.get("items") or []
    files = [read(dump_yaml(item), _path(item) or f"items[{number}]") for number, item in enumerate(items)]
    inputs = [Input(name=file.name, relative=file.name, file=file) for file in files]
    with working(config) as session:
        result = optimize_inputs(inputs, config.pipeline, session).to_write()
    output: list[Any] = []
    results: list[dict[str, Any]] = []
    for item, file in zip(items, result.files, strict=True):
        output += [_of_item(document, item) for document in file.documents] if file.status == "changed" else [item]
        results += _results(item, file)
    output += [_of_item(document, {}) for document in result.added_documents]
    write_bytes(dump_yaml({**resources, "items": output, "results": results}))
    errors = [file.error for file in result.files]
    say_refused(errors)
    click.get_current_context().exit(refused_exit(errors))


def _resource_list(documents: Iterable[Document]) -> dict[str, Any]:
    """Return the only document.

    Raises:
        InvalidInput: it is no ResourceList.
    """
    match [document.data for document in documents if document.data is not None]:
        case [{"kind": "ResourceList"} as resources] if all(
            isinstance(item, dict) for item in resources.get("items") or ()
        ):
            return dict(resources)
    raise InvalidInput("this is no ResourceList", file="<stdin>", hint="for plain manifests: couler optimize -")


def _metadata(item: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = item.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _path(item: Mapping[str, Any]) -> str:
    return str((_metadata(item).get("annotations") or {}).get(PATH, ""))


def _reference(item: Mapping[str, Any]) -> dict[str, str]:
    """Return what names an object."""
    names = {name: _metadata(item).get(name) for name in ("namespace", "name")}
    head = {name: item.get(name) for name in ("apiVersion", "kind")}
    return {name: str(text) for name, text in (head | names).items() if text}


def _of_item(document: dict[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document; one that is new loses the annotations by which tools would take it for the item."""
    annotations = _metadata(document).get("annotations")
    if not annotations or _reference(document) == _reference(item):
        return document
    own = {name: text for name, text in annotations.items() if not name.startswith(OF_TOOLS)}
    return {**document, "metadata": {**document["metadata"], "annotations": own}}


def _results(item: Mapping[str, Any], file: FileResult) -> Iterator[dict[str, Any]]:
    """Yield what was done to an item, or why it is refused."""
    where: dict[str, Any] = {"resourceRef": _reference(item)}
    if path := _path(item):
        index = str(_metadata(item)["annotations"].get(INDEX, "0"))
        where["file"] = {"path": path, "index": int(index) if index.isdecimal() else 0}
    for decision in file.decisions:
        if decision.action:
            yield {"message": str(decision), "severity": "info", **where}
    if file.error is not None:
        yield {"message": str(file.error), "severity": "error", **where}
