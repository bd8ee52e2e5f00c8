"""What Argo's features need of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from couler_argo.controller import controller_of
from couler_argo.running.kinds import ARGO
from couler_plugins.cluster.rights import Right, check
from couler_plugins.hookspecs.checking import Check

__all__ = ["INSTALL", "LISTS", "checks"]

INSTALL = "couler cache install --namespace {} | kubectl apply -f -"
LISTS = "`couler doctor` lists all rights that are missing"
ROLE = "an administrator has to grant it"


def checks(api: Any, namespace: str) -> Iterator[Check]:
    """Look at what features need, one after the other.

    Args:
        api: the client, as `connected` gives it.
        namespace: where workflows go.

    Raises:
        EngineError: the cluster does not answer.
    """
    group = ARGO[0]
    controller = controller_of(api)
    if controller is None:
        told = "no controller is to be seen: no Deployment with its image, and no settings of it in argo"
        yield Check(feature="controller", state="unknown", told=told, remedy="ask an administrator to run this")
    else:
        version = f"version {controller.version}" if controller.version else "its version is not to be seen"
        told = f"it is in {controller.namespace}, as {controller.account}; {version}"
        yield Check(feature="controller", state="ok", told=told)
    yield check(api, "run", Right(("create", "get"), "workflows", group, namespace), ROLE)
    yield check(api, "run", Right(("create", "patch", "get"), "workflowtemplates", group, namespace), ROLE)
    yield check(api, "stop", Right(("patch", "list"), "workflows", group, namespace), ROLE)
    yield check(api, "logs of failed steps", Right(("get",), "pods/log", "", namespace), ROLE)
    if controller is None:
        return
    where = controller.namespace
    found = check(api, "cache{via=memoize}", controller.keeping, INSTALL.format(where))
    yield found
    yield check(api, "cache evict", Right(("list",), "workflows", group), ROLE)
    yield check(api, "cache evict", Right(("get", "list", "patch"), "configmaps", "", where), ROLE)
