"""What lets Argo memoize, and a CronWorkflow that evicts: each with the least rights that it takes.

Rights: the roles that Argo ships let its controller read ConfigMaps only, and memoization creates and updates them
(`workflow/controller/cache/configmap_cache.go`). Argo's executor wants `create` and `patch` on workflowtaskresults of
every pod (https://argo-workflows.readthedocs.io/en/stable/workflow-rbac/). Eviction lists the workflows of all
namespaces that share the entries, and lists, gets and patches ConfigMaps. RBAC cannot tell ConfigMaps apart by their
labels, so the roles name none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from couler_argo.lint.crons import IN_CRD
from couler_plugins.engine_kit.legalize.schedules import schedule_problem
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.eviction import Schedule

NAME, MEMOIZE = "couler-cache-evict", "couler-cache-memoize"
ARGO, GROUP = "argoproj.io/v1alpha1", "rbac.authorization.k8s.io"
Rule = tuple[str, str, tuple[str, ...]]
CACHES: tuple[Rule, ...] = (("", "configmaps", ("get", "list", "patch")),)
WORKFLOWS: tuple[Rule, ...] = (("argoproj.io", "workflows", ("list",)),)
OWN_POD: tuple[Rule, ...] = (("argoproj.io", "workflowtaskresults", ("create", "patch")),)
KEEPING: tuple[Rule, ...] = (("", "configmaps", ("create", "update")),)
LABELS = {"app.kubernetes.io/name": "couler-cache", "app.kubernetes.io/managed-by": "couler"}
HISTORY = 3
NOBODY = 65532  # the user of images that know none by name
PART = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
NAMESPACE, SECRET = re.compile(PART), re.compile(rf"(?=.{{1,253}}\Z){PART}(?:\.{PART})*")
PLAIN = re.compile(r"[^\s{}]+")


def manifests(schedule: Schedule) -> list[dict[str, Any]]:
    """The rights that the controller lacks to memoize; with an image, a CronWorkflow that evicts, and its rights.

    Raises:
        InvalidInput: Kubernetes or Argo would not take what the schedule says, or read something else in it.
    """
    _check(schedule)
    namespace, managed = schedule.namespace, schedule.managed
    manifests = list(_granted(MEMOIZE, namespace, KEEPING, schedule.account, namespace))
    if not schedule.image:
        return manifests
    metadata = {"name": NAME, "namespace": namespace, "labels": LABELS}
    manifests.append({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    here = (*CACHES, *(WORKFLOWS if managed == namespace else ()), *OWN_POD)
    manifests += _granted(NAME, namespace, here, NAME, namespace)
    if managed != namespace:
        manifests += _granted(NAME, managed, WORKFLOWS, NAME, namespace)
    return [*manifests, {"apiVersion": ARGO, "kind": "CronWorkflow", "metadata": metadata, "spec": _cron(schedule)}]


def _granted(name: str, where: str, rules: Iterable[Rule], account: str, home: str) -> Iterator[dict[str, Any]]:
    """A role and its binding to an account: in a namespace, or (where it is empty) in all of them."""
    kind = "Role" if where else "ClusterRole"
    metadata = {"name": name, "labels": LABELS, **({"namespace": where} if where else {})}
    role = {"apiGroup": GROUP, "kind": kind, "name": name}
    subject = {"kind": "ServiceAccount", "name": account, "namespace": home}
    allowed = [{"apiGroups": [group], "resources": [plural], "verbs": list(verbs)} for group, plural, verbs in rules]
    version = f"{GROUP}/v1"
    yield {"apiVersion": version, "kind": kind, "metadata": metadata, "rules": allowed}
    binding = {"apiVersion": version, "kind": f"{kind}Binding", "metadata": metadata}
    yield {**binding, "roleRef": role, "subjects": [subject]}


def _check(schedule: Schedule) -> None:
    for what, text, pattern in (
        ("a namespace", schedule.namespace, NAMESPACE),
        ("a namespace", schedule.managed or schedule.namespace, NAMESPACE),
        ("a service account", schedule.account, SECRET),
        ("an image", schedule.image or "none", PLAIN),
        ("the name of a secret", schedule.secret or "none", SECRET),
    ):
        if not pattern.fullmatch(text):
            raise InvalidInput(f"{text!r:.80} cannot be {what}", engine="argo", hint="as Kubernetes writes it")
    problem = schedule_problem(schedule.cron) or ("" if IN_CRD.fullmatch(schedule.cron) else "Argo's CRD refuses it")
    if problem:
        hint = "write minute, hour, day, month and day of the week: */10 * * * *"
        raise InvalidInput(f"the schedule {schedule.cron!r:.80} cannot be read: {problem}", engine="argo", hint=hint)
    if (references := [text for text in schedule.arguments if "{{" in text]) != []:
        raise InvalidInput(f"Argo would look {references[0]!r:.80} up", engine="argo", hint="leave the braces out")


def _cron(schedule: Schedule) -> dict[str, Any]:
    command = ["couler", "cache", "evict", "--engine", "argo", "--namespace", schedule.namespace]
    command += ["--managed-namespace", schedule.managed] if schedule.managed else []
    container: dict[str, Any] = {
        "image": schedule.image,
        "command": command,
        "args": list(schedule.arguments),
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }
    if schedule.secret:
        container["envFrom"] = [{"secretRef": {"name": schedule.secret}}]
    workflow = {
        "entrypoint": "evict",
        "serviceAccountName": NAME,
        "activeDeadlineSeconds": 3600,
        "podGC": {"strategy": "OnPodSuccess"},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "templates": [{"name": "evict", "container": container}],
        "ttlStrategy": {"secondsAfterSuccess": 3600, "secondsAfterFailure": 86400},
    }
    return {
        "schedules": [schedule.cron],
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 300,
        "successfulJobsHistoryLimit": HISTORY,
        "failedJobsHistoryLimit": HISTORY,
        "workflowSpec": workflow,
    }
