"""A cluster for the tests of the driver: kmock, a mock of the Kubernetes API, with what it lacks and the driver needs.

kmock serves over real HTTP, keeps the objects, refuses to create what is there, and merges patches. Added here is what
decides whether a run is lost or started twice: resource versions, watches from a version on, label selectors, dry runs,
and server-side apply as far as it creates and replaces what nobody else has set.
"""

from __future__ import annotations

import asyncio
import copy
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import kmock
import yaml
from aiohttp import web

__all__ = ["NAMESPACE", "Cluster", "Refused", "kubeconfig", "plural_of", "run_as"]

Object = dict[str, Any]
NAMESPACE = "ml"
APPLY = "application/apply-patch+yaml"
KINDS = {"pipelineruns": "PipelineRun", "taskruns": "TaskRun"}
TICK = 0.002  # seconds


@attrs.frozen
class Refused(kmock.KubernetesError):
    """An answer other than success, with its headers."""

    headers: dict[str, str] = attrs.field(factory=dict)


class Told(NamedTuple):
    """A change of an object."""

    plural: str
    version: int
    type: str
    thing: Object


def plural_of(request: kmock.Request) -> str:
    """The kind of object that a request is about."""
    assert request.resource is not None
    assert request.resource.plural is not None
    return request.resource.plural


def nothing(request: kmock.Request) -> None:
    """Does nothing about a request."""


@attrs.define(kw_only=True)
class Cluster(kmock.KubernetesEmulator):
    """kmock's server, for `run_as`.

    Attributes:
        before: called with each request before it is looked at; may change objects, or raise `Refused`.
        after: called with each request that was carried out, before it is answered; may raise `Refused`. Watches are
            answered while they last, and left out.
        cut: how many watches are to lose their connection at the first event that they would tell.
        mute: how many watches are to tell nothing until they end.
        forbidden: verbs and plurals that the cluster says to be forbidden.
        oldest: the first version from which a watch may start: what was before it is forgotten.
        asked: the requests, in order.
        told: what watches tell, in order.
        version: the last one that an object was given.
    """

    before: Callable[[kmock.Request], None] = nothing
    after: Callable[[kmock.Request], None] = nothing
    cut: int = 0
    mute: int = 0
    forbidden: set[tuple[str, str]] = attrs.field(factory=set)
    oldest: int = 0
    asked: list[kmock.Request] = attrs.field(factory=list, init=False)
    told: list[Told] = attrs.field(factory=list, init=False)
    version: int = 100

    def stored(self, plural: str) -> dict[str, Object]:
        """The objects of a kind, by name."""
        every = self.objects.items()
        return {name: dict(held.raw) for (kind, _, name), held in every if kind.plural == plural and not held.deleted}

    def replace(self, plural: str, thing: Object) -> None:
        """Replaces an object, as somebody else in the cluster does."""
        key = next(key for key in self.objects if key[0].plural == plural and key[2] == thing["metadata"]["name"])
        self._stamp(thing)
        self.objects[key] = thing
        self._tell(plural, "MODIFIED", thing)

    def drop(self, plural: str, name: str) -> None:
        """Deletes an object, as its user does."""
        key = next(key for key in self.objects if key[0].plural == plural and key[2] == name)
        thing = dict(self.objects[key].raw)
        del self.objects[key]
        self._stamp(thing)
        self._tell(plural, "DELETED", thing)

    def creations(self) -> list[tuple[str, str]]:
        """The plural and the name of what was asked to be created, in order."""
        created = [item for item in self.asked if item.action == kmock.action.CREATE]
        return [(plural_of(item), item.data["metadata"]["name"]) for item in created]

    async def _handle(self, request: kmock.Request) -> web.StreamResponse:
        # The client writes `True`, which an API server takes as well; kmock does not, and knows requests by identity.
        if request.action == kmock.action.LIST and request.params.get("watch") == "True":
            object.__setattr__(request, "action", kmock.action.WATCH)
        if "selfsubjectaccessreviews" in str(request.url):  # nobody's tests count these
            asked = request.data["spec"]["resourceAttributes"]
            return web.json_response({"status": {"allowed": (asked["verb"], asked["resource"]) not in self.forbidden}})
        self.asked.append(request)
        self.before(request)
        if request.params.get("dryRun") == "All":
            return web.json_response(request.data)
        if request.action in (kmock.action.CREATE, kmock.action.UPDATE):
            response = await self._written(request)
        else:
            response = await super()._handle(request)
        if request.action != kmock.action.WATCH:
            self.after(request)
        return response

    async def _written(self, request: kmock.Request) -> web.StreamResponse:
        """Writes an object as kmock does, with a version; what is applied and not there is created."""
        metadata = request.data.setdefault("metadata", {})
        metadata.setdefault("namespace", request.namespace)
        plural, name = plural_of(request), str(request.name or metadata["name"])
        known = name in self.stored(plural)
        self._stamp(request.data)
        if request.action == kmock.action.UPDATE and request.headers["Content-Type"] == APPLY and not known:
            assert request.resource is not None
            self.objects[request.resource, request.namespace, name] = request.data
            response: web.StreamResponse = web.json_response(request.data)
        else:
            response = await super()._handle(request)
        self._tell(plural, "MODIFIED" if known else "ADDED", self.stored(plural)[name])
        return response

    async def _render_error(self, exc: Exception) -> web.StreamResponse:
        response = await super()._render_error(exc)
        response.headers.update(getattr(exc, "headers", {}))
        return response

    async def _serve_list(self, request: kmock.Request) -> Object:
        plural = plural_of(request)
        items = [thing for thing in self.stored(plural).values() if _selected(thing, request)]
        metadata = {"resourceVersion": str(self.version)}
        return {"kind": f"{KINDS[plural]}List", "apiVersion": "v1", "metadata": metadata, "items": items}

    async def _serve_watch(self, request: kmock.Request) -> AsyncIterator[Any]:
        yield b""
        since, ends = int(request.params["resourceVersion"]), time.monotonic() + float(request.params["timeoutSeconds"])
        if since < self.oldest:
            gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
            yield {"type": "ERROR", "object": gone}
            return
        read = 0
        if self.mute:
            self.mute -= 1
            read = sys.maxsize
        while time.monotonic() < ends:
            for told in self.told[read:]:
                if told.version > since and told.plural == plural_of(request) and _selected(told.thing, request):
                    if self.cut:
                        self.cut -= 1
                        _hang_up(request)
                        return
                    yield {"type": told.type, "object": told.thing}
            read = max(read, len(self.told))
            await asyncio.sleep(TICK)

    def _stamp(self, thing: Object) -> None:
        self.version += 1
        thing["metadata"]["resourceVersion"] = str(self.version)

    def _tell(self, plural: str, what: str, thing: Object) -> None:
        self.told.append(Told(plural, self.version, what, copy.deepcopy(thing)))


def _hang_up(request: kmock.Request) -> None:
    assert request._raw_request is not None
    assert request._raw_request.transport is not None
    request._raw_request.transport.abort()


def _selected(thing: Object, request: kmock.Request) -> bool:
    labels = thing["metadata"].get("labels") or {}
    wanted = [term.split("=") for term in request.params.get("labelSelector", "").split(",") if term]
    return all(labels.get(name) == value for name, value in wanted)


@contextmanager
def run_as(cluster: Cluster) -> Iterator[str]:
    """Serves a cluster from a thread of its own; gives its address."""
    loop, up, address = asyncio.new_event_loop(), threading.Event(), []
    down = asyncio.Event()

    async def serve() -> None:
        async with cluster, kmock.Server(cluster) as server:
            address.append(str(server.url).rstrip("/"))
            up.set()
            await down.wait()

    def work() -> None:
        loop.run_until_complete(serve())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert up.wait(30)
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(down.set)
        thread.join(30)


def kubeconfig(url: str, folder: Path) -> Path:
    """Writes a kubeconfig for a server into a folder."""
    path = folder / "kubeconfig"
    context = {"cluster": "test", "user": "test", "namespace": NAMESPACE}
    held: Object = {"clusters": {"cluster": {"server": url}}, "users": {"user": {}}, "contexts": {"context": context}}
    entries = {key: [{"name": "test", **thing}] for key, thing in held.items()}
    path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "current-context": "test", **entries}))
    return path
