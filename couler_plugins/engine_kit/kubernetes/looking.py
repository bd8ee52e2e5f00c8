"""What a cluster tells everybody of itself."""

from __future__ import annotations

from functools import partial
from typing import Any

from couler_plugins.engine_kit.kubernetes.calls import Mapped, answer_of

__all__ = ["config_map", "served", "version"]


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
