"""What Argo's features need of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from couler_argo.controller import controllers_of
from couler_argo.run.jobs import ARGO
from couler_plugins.engine_kit.kubernetes.pod_overhead import check_overhead
from couler_plugins.engine_kit.kubernetes.submitting import Right, check, check_running
from couler_plugins.hookspecs.checks import Check

INSTALL = "couler cache install --namespace {} | kubectl apply -f -"
LISTS = "`couler doctor` lists all rights that are missing"
ROLE = "an administrator has to grant it"
OF_WORKFLOWS = "workflows.argoproj.io/workflow"
"""The label of all pods that the controller makes."""


def checks(api: Any, namespace: str) -> Iterator[Check]:
    """Look at what features need, one after the other.

    Args:
        api: the client, as `connected` gives it.
        namespace: where workflows go.

    Raises:
        EngineError: the cluster does not answer.
    """
    group = ARGO[0]
    controllers = controllers_of(api)
    if not controllers:
        message = "no controller was found: no Deployment with its image, and no settings of it in argo"
        yield Check(feature="controller", state="unknown", message=message, remedy="ask an administrator to run this")
    for controller in controllers:
        version = f"version {controller.version}" if controller.version else "its version is not known"
        message = f"it is in {controller.namespace}, as {controller.account}; {version}"
        yield Check(feature="controller", state="ok", message=message)
    yield from check_running(api, group, namespace, ("workflows",), ("workflowtemplates",), ROLE)
    if controllers:
        yield check(api, "cache evict", Right(("list",), "workflows", group), ROLE)
    for controller in controllers:
        where = controller.namespace
        yield check(api, "cache{via=memoize}", controller.right_to_memoize, INSTALL.format(where))
        yield check(api, "cache evict", Right(("get", "list", "patch"), "configmaps", "", where), ROLE)
    yield check_overhead(api, namespace, OF_WORKFLOWS, lambda name: name != "wait")
