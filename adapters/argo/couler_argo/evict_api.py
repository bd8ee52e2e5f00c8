"""What eviction says to the Kubernetes API: it lists workflows and caches, and changes caches that nobody else has.

Concurrency follows https://kubernetes.io/docs/reference/using-api/api-concepts/: a merge patch that names the version
it was made for is refused with 409 where the object has another by now.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import stamina

from couler_argo.codec import Mapped
from couler_plugins.errors import EngineError, InvalidInput

__all__ = ["CACHES", "Changed", "Cluster"]

CACHES = "workflows.argoproj.io/configmap-type=Cache"
"""The label that Argo wants on the ConfigMaps that it keeps results in."""

WORKFLOWS = ("argoproj.io", "v1alpha1")
MERGE = "application/merge-patch+json"
PAGE = 25
"""Objects in one answer: a Workflow and a cache can have a megabyte each."""

TIMEOUT = (10.0, 60.0)  # seconds to connect, and between two bytes
ATTEMPTS = 6
PATIENCE = 30.0  # seconds that a server may ask us to wait
OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
RETRIES = stamina.RetryingCaller(attempts=ATTEMPTS, wait_initial=0.1, timeout=120.0)
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
RIGHTS = {403: "its role needs {verb} on {plural}; `couler cache install` writes one that suffices"}
HINTS = {401: "log in again, or renew the token", 404: "is Argo Workflows installed there?"}
log = logging.getLogger(__name__)


class Changed(Exception):
    """The object is not any more what it was when we read it; or it is gone."""


class _Expired(Exception):
    """The snapshot that a list was read from is gone."""


class Cluster:
    """One cluster, reached as kubectl does: by the kubeconfig, or from inside by the service account.

    Args:
        context: the context of the kubeconfig; empty for its current one, or the cluster that we run in.

    Raises:
        InvalidInput: there is no such context, no configuration at all, or no Kubernetes client.
    """

    def __init__(self, context: str = "") -> None:
        try:
            from kubernetes import client
        except ImportError as error:
            message = "the Kubernetes client is not installed"
            raise InvalidInput(message, engine="argo", hint="install couler-plugins[cluster]") from error
        configuration, self.namespace = _configuration(context)
        configuration.retries = False  # we retry by ourselves, writes included
        api = client.ApiClient(configuration)
        self._core, self._custom = client.CoreV1Api(api), client.CustomObjectsApi(api)

    def namespaces(self) -> list[str]:
        """The namespaces that have caches, as far as we may see them.

        Raises:
            EngineError: the cluster does not answer, or tells us neither of its caches nor of its namespaces.
        """
        try:
            found = {thing["metadata"]["namespace"] for thing in self._caches_everywhere()}
        except EngineError as error:
            if getattr(error.__cause__, "status", None) != 403:
                raise
            spaces = self._pages("list", "namespaces", self._core.list_namespace)
            found = {thing["metadata"]["name"] for thing in spaces if self._may_list(thing["metadata"]["name"])}
        return sorted(found)

    def workflows(self, namespace: str) -> Iterator[Mapped]:
        """All workflows of a namespace, page by page; of those that change meanwhile, some state.

        Raises:
            EngineError: the cluster does not answer, or does not tell us.
        """
        page = partial(self._custom.list_namespaced_custom_object, *WORKFLOWS, namespace, "workflows")
        return self._pages("list", f"workflows.argoproj.io in {namespace}", page)

    def caches(self, namespace: str) -> Iterator[Mapped]:
        """The ConfigMaps of a namespace in which Argo keeps results.

        Raises:
            EngineError: the cluster does not answer, or does not tell us.
        """
        page = partial(self._core.list_namespaced_config_map, namespace, label_selector=CACHES)
        return self._pages("list", f"configmaps in {namespace}", page)

    def cache(self, namespace: str, name: str) -> Mapped | None:
        """One ConfigMap as it is now; None where it is gone.

        Raises:
            EngineError: the cluster does not answer, or does not tell us.
        """
        read = partial(self._core.read_namespaced_config_map, name, namespace)
        try:
            return self._asked("get", f"configmaps in {namespace}", read)
        except Changed:
            return None

    def change(
        self, namespace: str, name: str, version: str, data: Mapping[str, None], annotations: Mapping[str, str | None]
    ) -> None:
        """Changes a ConfigMap, all at once or not at all.

        Args:
            namespace: its namespace.
            name: its name.
            version: the resource version that the change is made for.
            data: the entries to remove.
            annotations: the annotations to set, or (None) to remove.

        Raises:
            Changed: it has another version by now, or is gone.
            EngineError: the cluster does not answer, or does not let us.
        """
        patch = {"metadata": {"resourceVersion": version, "annotations": dict(annotations)}, "data": dict(data)}

        write = partial(self._core.patch_namespaced_config_map, name, namespace, patch, _content_type=MERGE)
        self._asked("patch", f"configmaps in {namespace}", write)

    def _caches_everywhere(self) -> Iterator[Mapped]:
        page = partial(self._core.list_config_map_for_all_namespaces, label_selector=CACHES)
        return self._pages("list", "configmaps in all namespaces", page)

    def _may_list(self, namespace: str) -> bool:
        try:
            one = partial(self._core.list_namespaced_config_map, namespace, label_selector=CACHES, limit=1)
            self._asked("list", f"configmaps in {namespace}", one)
        except EngineError as error:
            if getattr(error.__cause__, "status", None) != 403:
                raise
            log.info("the namespace %s is left out: we may not list its ConfigMaps", namespace)
            return False
        return True

    def _pages(self, verb: str, plural: str, page: Callable[..., Any]) -> Iterator[Mapped]:
        """Lists from one snapshot; where that expires, from the start again, leaving out what was seen already."""
        seen: set[tuple[str, str]] = set()
        token: dict[str, str] = {}
        starts = 0
        while True:
            try:
                answer = self._asked(verb, plural, partial(page, limit=PAGE, **token))
            except _Expired as error:
                starts += 1
                if starts == ATTEMPTS:
                    message = f"the cluster forgets its list of {plural} before it can be read"
                    raise EngineError(message, engine="argo", hint="try again, or one namespace at a time") from error
                token = {}
                continue
            items, following = _listed(answer, plural)
            for name, thing in items:
                if name not in seen:
                    seen.add(name)
                    yield thing
            if not following:
                return
            if token == {"_continue": following}:
                raise EngineError(f"the cluster gives one page of {plural} again and again", engine="argo")
            token = {"_continue": following}

    def _asked(self, verb: str, plural: str, call: Callable[..., Any]) -> Mapped:
        """What the server answers; transient failures are tried again."""
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            return RETRIES(_pause, _answer, call)
        except ApiException as error:
            status = int(error.status or 0)
            if status == 410:
                raise _Expired from None
            if status == 409 or (status == 404 and verb in ("get", "patch")):
                raise Changed from None
            # The body is the server's own text, and the headers of the request are no part of it.
            hint = RIGHTS.get(status, HINTS.get(status, "")).format(verb=verb, plural=plural.partition(" ")[0])
            message = f"the cluster refused to {verb} {plural}: {status} {error.reason}"
            raise EngineError(message, engine="argo", hint=hint or None) from error
        except (HTTPError, msgspec.DecodeError) as error:
            message = f"the cluster does not answer ({verb} {plural}): {type(error).__name__}"
            raise EngineError(message, engine="argo", hint="is it reachable from here?") from error


def _answer(call: Callable[..., Any]) -> Mapped:
    response = call(_preload_content=False, _request_timeout=TIMEOUT)
    return msgspec.json.decode(response.data, type=dict[str, Any])


def _pause(error: Exception) -> bool | float:
    """Whether an attempt is worth another one; the seconds to wait before where the server says."""
    from urllib3.exceptions import HTTPError

    status = getattr(error, "status", None)
    if status in TRANSIENT:
        log.info("the cluster answers %s", status)
        asked = (getattr(error, "headers", None) or {}).get("Retry-After", "")
        return min(float(asked), PATIENCE) if asked.isdigit() else True
    return isinstance(error, (HTTPError, msgspec.DecodeError))


def _configuration(context: str) -> tuple[Any, str]:
    """How to reach the cluster, and the namespace that is meant where none is named."""
    import yaml
    from kubernetes import client
    from kubernetes import config as untyped

    config: Any = untyped
    configuration, file = client.Configuration(), os.environ.get("KUBECONFIG")
    try:
        config.load_kube_config(file, context or None, configuration, persist_config=False)
        contexts, current = config.list_kube_config_contexts(file)
        chosen = next((item for item in contexts if item["name"] == context), current)
        return configuration, str((chosen.get("context") or {}).get("namespace") or "default")
    except (config.ConfigException, OSError, yaml.YAMLError, KeyError, TypeError) as error:
        failure = error
    if not context and not file:
        try:
            config.load_incluster_config(configuration)
            return configuration, OWN_NAMESPACE.read_text().strip() if OWN_NAMESPACE.is_file() else "default"
        except (config.ConfigException, OSError) as error:
            log.info("not in a cluster: %s", error)
    # What is wrong with a kubeconfig may quote it, and it holds secrets: the name of the failure has to do.
    message = f"no cluster to talk to: the kubeconfig cannot be used ({type(failure).__name__})"
    where = f"the context {context!r} in " if context else ""
    raise InvalidInput(message, engine="argo", hint=f"check {where}$KUBECONFIG, or give --context") from failure


def _listed(answer: Mapped, plural: str) -> tuple[list[tuple[tuple[str, str], Mapped]], str]:
    """The objects of one page by namespace and name, and where the next begins.

    Raises:
        EngineError: it is no list as Kubernetes writes it. What a proxy says must not pass for "there are none".
    """
    try:
        if not str(answer["kind"]).endswith("List"):
            raise ValueError(answer["kind"])
        things = [
            ((thing["metadata"].get("namespace", ""), thing["metadata"]["name"]), thing)
            for thing in answer["items"] or ()
        ]
        return things, str((answer.get("metadata") or {}).get("continue") or "")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"the cluster's answer is no list of {plural} ({type(error).__name__}: {error})"
        raise EngineError(message, engine="argo", hint="is there a proxy that answers in its place?") from error
