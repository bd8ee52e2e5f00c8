"""What Tekton's features need of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from couler_plugins.engine_kit.kubernetes.calls import Refused, config_map
from couler_plugins.engine_kit.kubernetes.pod_overhead import check_overhead
from couler_plugins.engine_kit.kubernetes.submitting import check_running
from couler_plugins.hookspecs.checks import Check

HOME, INFO = "tekton-pipelines", "pipelines-info"
"""The namespace of the controller, and the ConfigMap there that tells everybody its version."""
ROLE = "an administrator has to grant it"


def checks(api: Any, namespace: str) -> Iterator[Check]:
    """Look at what features need, one after the other.

    Args:
        api: the client, as `connected` gives it.
        namespace: where runs go.

    Raises:
        EngineError: the cluster does not answer.
    """
    try:
        version = config_map(api, HOME, INFO)["data"]["version"]
    except (Refused, KeyError):
        message = f"no controller was found: {HOME} has no ConfigMap {INFO} that you may read"
        yield Check(feature="controller", state="unknown", message=message, remedy="ask an administrator to run this")
    else:
        yield Check(feature="controller", state="ok", message=f"it is in {HOME}; version {version}")
    runs, others = ("pipelineruns", "taskruns"), ("pipelines", "tasks")
    yield from check_running(api, "tekton.dev", namespace, runs, others, ROLE)
    yield check_overhead(api, namespace, "tekton.dev/taskRun", lambda name: name.startswith("step-"))
