"""What eviction says to the Kubernetes API: it lists workflows and caches, and changes caches that nobody else has.

Concurrency follows https://kubernetes.io/docs/reference/using-api/api-concepts/: a merge patch that names the version
it was made for is refused with 409 where the object has another by now.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from couler_plugins.documents.mappings import Mapped
from couler_plugins.engine_kit.kubernetes.calls import Expired, Refused, answer_of, connected, pages, sending

CACHES = "workflows.argoproj.io/configmap-type=Cache"
"""The label that Argo wants on the ConfigMaps that it keeps results in."""

WORKFLOWS = ("argoproj.io", "v1alpha1")
MERGE = "application/merge-patch+json"
EVERYWHERE = "in all namespaces"
RIGHTS = "its role needs {verb} on {plural}; `couler cache install` writes one that suffices"
ONE = "; where Argo runs workflows in one namespace only, name it: --managed-namespace"
HINTS = {401: "log in again, or renew the token", 404: "is Argo Workflows installed there?"}
log = logging.getLogger(__name__)


class Changed(Exception):
    """The object is not any more what it was when we read it; or it is gone."""


class Cluster:
    """One cluster, reached as kubectl does: by the kubeconfig, or from inside by the service account.

    Args:
        context: the context of the kubeconfig; empty for its current one, or the cluster that we run in.

    Raises:
        InvalidInput: there is no such context, no configuration at all, or no Kubernetes client.
    """

    def __init__(self, context: str = "") -> None:
        api, self.namespace = connected(context)
        from kubernetes import client

        self._core, self._custom = client.CoreV1Api(api), client.CustomObjectsApi(api)

    def namespaces(self) -> list[str]:
        """The namespaces that have caches, as far as we may see them.

        Raises:
            EngineError: the cluster does not answer, or tells us neither of its caches nor of its namespaces.
        """
        try:
            names = {thing["metadata"]["namespace"] for thing in self._caches_everywhere()}
        except Refused as refused:
            if refused.status != 403:
                raise
            spaces = self._listed("NamespaceList", "namespaces", self._core.list_namespace)
            names = {thing["metadata"]["name"] for thing in spaces if self._may_list(thing["metadata"]["name"])}
        return sorted(names)

    def workflows(self, namespace: str = "") -> Iterator[Mapped]:
        """All workflows of a namespace, or of all namespaces, page by page; of those that change meanwhile, some state.

        Raises:
            EngineError: the cluster does not answer, or does not tell us.
        """
        if namespace:
            page = partial(self._custom.list_namespaced_custom_object, *WORKFLOWS, namespace, "workflows")
        else:
            page = partial(self._custom.list_cluster_custom_object, *WORKFLOWS, "workflows")
        place = f"in {namespace}" if namespace else EVERYWHERE
        return self._listed("WorkflowList", f"workflows.argoproj.io {place}", page)

    def caches(self, namespace: str) -> Iterator[Mapped]:
        """The ConfigMaps of a namespace in which Argo keeps results.

        Raises:
            EngineError: the cluster does not answer, or does not tell us.
        """
        page = partial(self._core.list_namespaced_config_map, namespace, label_selector=CACHES)
        return self._listed("ConfigMapList", f"configmaps in {namespace}", page)

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

        write = partial(sending(self._core.patch_namespaced_config_map, MERGE), name, namespace, patch)
        self._asked("patch", f"configmaps in {namespace}", write)

    def _caches_everywhere(self) -> Iterator[Mapped]:
        page = partial(self._core.list_config_map_for_all_namespaces, label_selector=CACHES)
        return self._listed("ConfigMapList", f"configmaps {EVERYWHERE}", page)

    def _may_list(self, namespace: str) -> bool:
        try:
            one = partial(self._core.list_namespaced_config_map, namespace, label_selector=CACHES, limit=1)
            self._asked("list", f"configmaps in {namespace}", one)
        except Refused as refused:
            if refused.status != 403:
                raise
            log.info("the namespace %s is left out: we may not list its ConfigMaps", namespace)
            return False
        return True

    def _listed(self, kind: str, plural: str, page: Callable[..., Any]) -> Iterator[Mapped]:
        return pages(lambda **asked: self._asked("list", plural, partial(page, **asked)), kind, plural)

    def _asked(self, verb: str, plural: str, call: Callable[..., Any]) -> Mapped:
        """What the server answers."""
        needed = RIGHTS.format(verb=verb, plural=plural if EVERYWHERE in plural else plural.partition(" ")[0])
        hints = {**HINTS, 403: needed + (ONE if EVERYWHERE in plural else "")}
        try:
            return answer_of(f"{verb} {plural}", call, hints)
        except Refused as refused:
            if refused.status == 410:
                raise Expired from None
            if refused.status == 409 or (refused.status == 404 and verb in ("get", "patch")):
                raise Changed from None
            raise
