"""Lists of a Kubernetes API server, page by page, and what a cluster tells everybody of itself.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/, "Retrieving large results sets in chunks": all
pages are of one snapshot, which the server forgets after some minutes (410).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from couler_plugins.engine_kit.kubernetes.calls import Mapped, answer_of
from couler_plugins.errors import EngineError

PAGE = 25
"""Objects in one answer: a Workflow and a cache can have a megabyte each."""

SNAPSHOTS = 6
"""How many snapshots may expire while one list is read."""

IDLE = 10
"""How many pages may bring nothing new, beyond those that were read before a snapshot expired."""

Names = list[tuple[tuple[str, str], Mapped]]
"""Objects by namespace and name."""


class Expired(Exception):
    """The snapshot that a list was read from is gone."""


def pages(ask: Callable[..., Mapped], kind: str, plural: str) -> Iterator[Mapped]:
    """All objects of a list; where its snapshot expires, from the start again, leaving out what was seen already.

    Args:
        ask: gives one page, for `limit` and `_continue`.
        kind: what Kubernetes calls such a list.
        plural: the same for a person.

    Raises:
        EngineError: what comes is no such list, or has no end.
    """
    seen: set[tuple[str, str]] = set()
    token: dict[str, str] = {}
    expired = read = idle = 0
    while True:
        try:
            items, following = _listed(ask(limit=PAGE, **token), kind, plural)
        except Expired as error:
            expired += 1
            if expired == SNAPSHOTS:
                message = f"the cluster forgets its list of {plural} before it can be read"
                raise EngineError(message, hint="try again, or one namespace at a time") from error
            token, idle = {}, -read
            continue
        new = [(name, thing) for name, thing in items if name not in seen]
        seen.update(name for name, _ in new)
        yield from (thing for _, thing in new)
        if not following:
            return
        read, idle = read + 1, 0 if new and idle >= 0 else idle + 1
        if idle > IDLE or token == {"_continue": following}:
            raise EngineError(f"the cluster's list of {plural} has no end")
        token = {"_continue": following}


def _listed(answer: Mapped, kind: str, plural: str) -> tuple[Names, str]:
    """The objects of one page, and where the next begins.

    Raises:
        EngineError: it is no list as Kubernetes writes it. What a proxy says must not pass for "there are none".
    """
    try:
        if answer["kind"] != kind:
            raise ValueError(answer["kind"])
        items = [] if answer["items"] is None else answer["items"]
        if not isinstance(items, list):
            raise TypeError(type(items).__name__)
        things = [((thing["metadata"].get("namespace", ""), thing["metadata"]["name"]), thing) for thing in items]
        return things, str((answer.get("metadata") or {}).get("continue") or "")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"the cluster's answer is no list of {plural} ({type(error).__name__}: {error})"
        raise EngineError(message, hint="is there a proxy that answers in its place?") from error


def version(api: Any) -> str:
    """The version of Kubernetes, such as `v1.34.4`.

    Args:
        api: the client, as `connected` gives it.

    Raises:
        EngineError: the cluster does not answer, or does not tell us.
    """
    from kubernetes import client

    return str(answer_of("tell its version", client.VersionApi(api).get_code, {})["gitVersion"])


def served(api: Any) -> set[str]:
    """The API groups of a cluster; the arguments and errors are those of `version`."""
    from kubernetes import client

    answer = answer_of("tell what it serves", client.ApisApi(api).get_api_versions, {})
    return {str(group["name"]) for group in answer["groups"]}


def config_map(api: Any, namespace: str, name: str) -> Mapped:
    """A ConfigMap.

    Raises:
        Refused: there is none that we may read.
        EngineError: the cluster does not answer.
    """
    from kubernetes import client

    return answer_of(f"get {name}", partial(client.CoreV1Api(api).read_namespaced_config_map, name, namespace), {})
