"""Calls of the Kubernetes API: how they get there, how often they are tried, and what their failures are to a user.

Lists of a Kubernetes API server, page by page, and what a cluster tells everybody of itself.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/, "Retrieving large results sets in chunks": all
pages are of one snapshot, which the server forgets after some minutes (410).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from functools import partial
from typing import Any, TypeVar

import msgspec
import stamina

from couler_plugins.documents.mappings import Mapped, mapping_at
from couler_plugins.engine_kit.kubernetes.access import configuration_of
from couler_plugins.errors import EngineError, restating

__all__ = [
    "ATTEMPTS",
    "CONNECTING",
    "Mapped",
    "Refused",
    "answer_of",
    "connected",
    "read_answer",
    "refusal",
    "sending",
    "silence",
    "status_in",
]

Answer = TypeVar("Answer")
CONNECTING = 10.0  # seconds
TIMEOUT = (CONNECTING, 60.0)  # seconds to connect, and between two bytes
PATIENCE = 30.0  # seconds that a server may ask us to wait
ATTEMPTS = 6
MOST = 400  # characters of a server's own words
RETRIES = stamina.RetryingCaller(attempts=ATTEMPTS, wait_initial=0.1, timeout=120.0)
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
log = logging.getLogger(__name__)


class Refused(EngineError):
    """The API server has answered, and not as hoped.

    Attributes:
        status: the HTTP status.
    """

    status: int = 0


def status_in(thing: Mapped) -> Mapped:
    """What an object says of how far it is; empty where that is nothing."""
    return mapping_at(thing, "status")


def connected(context: str) -> tuple[Any, str]:
    """A client of a cluster, reached as kubectl does, and the namespace that is meant where none is named.

    Args:
        context: the context of the kubeconfig; empty for its current one, or the cluster that we run in.

    Raises:
        InvalidInput: there is no such context, no configuration at all, or no Kubernetes client.
    """
    with restating(ImportError, "the Kubernetes client is not installed", reason=False, extra="cluster"):
        from kubernetes import client
    configuration, namespace = configuration_of(context)
    configuration.retries = False  # we retry by ourselves, writes included
    return client.ApiClient(configuration), namespace


def sending(method: Callable[..., Any], content_type: str) -> Callable[..., Any]:
    """A method of one of the client's APIs, with a body of this type.

    From release 31 on, methods take that as an option; the client copied here does the same in all of them.
    """
    api = method.__self__  # type: ignore[attr-defined]  # it is bound
    sender = copy(api.api_client)
    sender.select_header_content_type = lambda *_: content_type
    bound: Callable[..., Any] = getattr(type(api)(sender), method.__name__)
    return bound


def answer_of(what: str, call: Callable[..., Any], hints: Mapping[int, str], *, secret: bool = False) -> Mapped:
    """The object that the server answers with; see `told`."""
    return read_answer(what, call, partial(msgspec.json.decode, type=Mapped), hints, secret=secret)


def read_answer(
    what: str,
    call: Callable[..., Any],
    read: Callable[[bytes], Answer],
    hints: Mapping[int, str],
    *,
    secret: bool = False,
) -> Answer:
    """What the server answers; transient failures are tried again.

    Args:
        what: the verb and what it is about, for a person.
        call: a method of the client with its arguments.
        read: makes of the bytes that come what is asked for.
        hints: what to do about a refusal, by HTTP status.
        secret: whether the server's own words are left out, since they may quote what they are about.

    Raises:
        Refused: the server says no.
        EngineError: it does not answer, or not as an API server does.
    """
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    try:
        return RETRIES(_pause, _answer, call, read)
    except ApiException as error:
        raise refusal(what, error, hints, secret=secret) from error
    except (HTTPError, msgspec.DecodeError) as error:
        raise silence(what, error) from error


def refusal(what: str, error: Any, hints: Mapping[int, str], *, secret: bool = False) -> Refused:
    """What a refusal of the client's is to a user; the arguments are those of `asked`."""
    status = int(error.status or 0)
    said = "" if secret else _words(error.body)
    message = f"the cluster refused to {what}: {status} {error.reason}{f': {said}' if said else ''}"
    refused = Refused(message, hint=hints.get(status))
    refused.status = status
    return refused


def silence(what: str, error: Exception) -> EngineError:
    """What it is to a user that nothing came that an API server would say."""
    message = f"the cluster does not answer ({what}): {type(error).__name__}"
    return EngineError(message, hint="is it reachable from here?")


def _answer(call: Callable[..., Any], read: Callable[[bytes], Answer]) -> Answer:
    response = call(_preload_content=False, _request_timeout=TIMEOUT)
    return read(response.data)


def _words(body: str | bytes | None) -> str:
    """What the server says in a Status object; whatever else answers (a proxy, say) may say anything."""
    try:
        status = msgspec.json.decode(body or b"", type=dict[str, Any])
        said = status["message"] if status["kind"] == "Status" else ""
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
        return ""
    line = re.sub(r"[^\S ]+|[\x00-\x1f\x7f]", " ", str(said))
    return line if len(line) <= MOST else f"{line[:MOST]}…"


def _pause(error: Exception) -> bool | float:
    """Whether an attempt is worth another one; the seconds to wait before where the server says."""
    from urllib3.exceptions import HTTPError

    status = getattr(error, "status", None)
    if status in TRANSIENT:
        log.info("the cluster answers %s", status)
        seconds = (getattr(error, "headers", None) or {}).get("Retry-After", "")
        return min(float(seconds), PATIENCE) if seconds.isdigit() else True
    return isinstance(error, (HTTPError, msgspec.DecodeError))


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
