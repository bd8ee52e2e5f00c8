"""Where Argo's controller is, as which account it runs, and which version it has."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from couler_plugins.engine_kit.kubernetes.calls import Refused, answer_of, config_map, pages
from couler_plugins.engine_kit.kubernetes.submitting import Right

IMAGE = "workflow-controller"
SETTINGS, USUAL = "workflow-controller-configmap", "argo"
"""The ConfigMap with the controller's settings, and what its namespace and its account are usually called."""


class Controller(NamedTuple):
    """What is known of the controller.

    Attributes:
        namespace: where it is, and keeps the results of memoized steps.
        account: its service account.
        version: the tag of its image; empty where it runs in no Deployment that we may see.
    """

    namespace: str
    account: str
    version: str = ""

    @property
    def right_to_memoize(self) -> Right:
        """What it needs to keep results, and has not in the roles that Argo ships."""
        account = f"{self.namespace}/{self.account}"
        return Right(("create", "update"), "configmaps", namespace=self.namespace, account=account)


def controllers_of(api: Any) -> list[Controller]:
    """The controllers of a cluster, as far as we see them.

    Args:
        api: the client, as `connected` gives it.

    Raises:
        EngineError: the cluster does not answer.
    """
    from kubernetes import client

    every, core = client.AppsV1Api(api).list_deployment_for_all_namespaces, client.CoreV1Api(api)

    def page(**options: Any) -> dict[str, Any]:
        return answer_of("list deployments in all namespaces", partial(every, **options), {})

    controllers = []
    try:
        for deployment in pages(page, "DeploymentList", "deployments in all namespaces"):
            pod = deployment["spec"]["template"]["spec"]
            for image in (str(item.get("image")) for item in pod["containers"]):
                name, _, tag = image.rpartition("/")[2].partition("@")[0].partition(":")
                if name == IMAGE:
                    namespace, account = deployment["metadata"]["namespace"], pod.get("serviceAccountName", "default")
                    controllers.append(Controller(namespace, account, tag))
    except Refused:
        pass  # we may not look around
    if controllers:
        return controllers
    try:
        config_map(api, USUAL, SETTINGS)
        answer_of(f"get the account {USUAL}", partial(core.read_namespaced_service_account, USUAL, USUAL), {})
    except Refused:
        return []
    return [Controller(USUAL, USUAL)]
