"""Documents as they are submitted: where they go, and under which names, which follow from the run's identity."""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from couler_plugins.documents.mappings import Mapped
from couler_plugins.errors import InvalidInput

LONGEST = 63
"""Characters of the name of what runs: its pods and labels are named after it."""
DIGITS = 8
RUN_LABEL = "couler.io/run"
"""The label that says which run an object belongs to."""
OF_CLUSTER = frozenset({"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"})
RUN = re.compile(r"[a-z0-9]([-a-z0-9]{0,34}[a-z0-9])?")
"""The identity of a run, a label and a part of names: no longer than a UID, which the names of parts leave room for."""
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


def check_run(run: str, engine: str) -> None:
    """Refuses what cannot be the identity of a run.

    Raises:
        InvalidInput: it cannot.
    """
    if not RUN.fullmatch(run):
        hint = "lower-case letters, digits and hyphens, at most 36"
        raise InvalidInput(f"{run!r:.60} cannot name a run", engine=engine, hint=hint)


def each_object(documents: Iterable[Any]) -> Iterator[Any]:
    """The documents that say something, and in the place of a `kind: List` the objects in it."""
    for document in documents:
        match document:
            case {"kind": "List", "items": list(items)}:
                yield from each_object(items)
            case None:
                pass  # nothing between two separators
            case _:
                yield document


def check_named(document: Mapped, runs: bool, engine: str) -> None:
    """Refuses a document without a name; what runs may have the beginning of one.

    Raises:
        InvalidInput: it has none.
    """
    metadata, names = document.get("metadata"), ("name", "generateName") if runs else ("name",)
    if not isinstance(metadata, dict) or not any(isinstance(metadata.get(key), str) for key in names):
        raise InvalidInput(f"a {document['kind']} has no name", engine=engine, hint=" or ".join(names))


def as_written(document: Mapped, left_out: Collection[str] = ()) -> Mapped:
    """A copy without what only a cluster adds, and without some labels: a document may have been exported from one."""
    thing = {key: copy.deepcopy(content) for key, content in document.items() if key != "status"}
    metadata = {key: content for key, content in thing["metadata"].items() if key not in OF_CLUSTER}
    labels = metadata.get("labels")
    if isinstance(labels, dict):
        metadata["labels"] = {key: value for key, value in labels.items() if key not in left_out}
    return {**thing, "metadata": metadata}


def place(thing: Mapped, namespace: str, fallback: str, engine: str) -> None:
    """Puts a document into a namespace.

    Args:
        thing: the document, which is changed.
        namespace: where everything goes; empty for where each document says.
        fallback: where a document goes that does not say.
        engine: for errors.

    Raises:
        InvalidInput: the document says another namespace.
    """
    metadata = thing["metadata"]
    own = metadata.get("namespace")
    if own and namespace and own != namespace:
        message = f"the {thing['kind']} {metadata.get('name', metadata.get('generateName'))} says namespace {own}"
        raise InvalidInput(message, engine=engine, hint=f"leave --namespace {namespace} out, or change the document")
    metadata["namespace"] = own or namespace or fallback


def identify(thing: Mapped, run: str, what: str, engine: str) -> None:
    """Gives what runs the name and the label that follow from the run's identity.

    Args:
        thing: the document, which is changed; it has its namespace.
        run: the identity of the run.
        what: what such an object is called, for a person.
        engine: for errors.

    Raises:
        InvalidInput: its name is none.
    """
    metadata = thing["metadata"]
    if not metadata.get("name"):
        prefix = str(metadata["generateName"])  # it stays: by it, runs of one workflow are known as such
        digest = hashlib.sha256(f"{run}/{metadata['namespace']}/{prefix}".encode()).hexdigest()[:DIGITS]
        metadata["name"] = f"{prefix[: LONGEST - DIGITS]}{digest}"
    if not NAME.fullmatch(metadata["name"]) or len(metadata["name"]) > LONGEST:
        message = f"{metadata['name']!r:.80} cannot be the name of a {what}"
        hint = f"lower-case letters, digits, hyphens and dots, at most {LONGEST}"
        raise InvalidInput(message, engine=engine, hint=hint)
    metadata["labels"] = {**(metadata.get("labels") or {}), RUN_LABEL: run}
