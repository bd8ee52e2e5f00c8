"""A CronWorkflow that evicts, with the least rights that eviction takes.

Rights: Argo's executor wants `create` and `patch` on workflowtaskresults of every pod
(https://argo-workflows.readthedocs.io/en/stable/workflow-rbac/); eviction lists workflows, and lists, gets and patches
ConfigMaps. RBAC cannot tell ConfigMaps apart by their labels, so the role names none.
"""

from __future__ import annotations

import re
from typing import Any

from couler_argo.checks.crons import IN_CRD
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.eviction import Schedule
from couler_plugins.portable.schedules import schedule_problem

__all__ = ["manifests"]

NAME = "couler-cache-evict"
ARGO, RBAC = "argoproj.io/v1alpha1", "rbac.authorization.k8s.io/v1"
RULES = (
    ("", "configmaps", ("get", "list", "patch")),
    ("argoproj.io", "workflows", ("list",)),
    ("argoproj.io", "workflowtaskresults", ("create", "patch")),
)
LABELS = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/managed-by": "couler"}
HISTORY = 3
NOBODY = 65532  # the user of images that know none by name
PART = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
NAMESPACE, SECRET = re.compile(PART), re.compile(rf"(?=.{{1,253}}\Z){PART}(?:\.{PART})*")
PLAIN = re.compile(r"[^\s{}]+")


def manifests(schedule: Schedule) -> list[dict[str, Any]]:
    """The ServiceAccount, the Role, the RoleBinding and the CronWorkflow.

    Raises:
        InvalidInput: Kubernetes or Argo would not take what the schedule says, or read something else in it.
    """
    _check(schedule)
    metadata = {"name": NAME, "namespace": schedule.namespace, "labels": LABELS}
    rules = [{"apiGroups": [group], "resources": [plural], "verbs": list(verbs)} for group, plural, verbs in RULES]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": NAME}
    account = {"kind": "ServiceAccount", "name": NAME, "namespace": schedule.namespace}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {"apiVersion": RBAC, "kind": "Role", "metadata": metadata, "rules": rules},
        {"apiVersion": RBAC, "kind": "RoleBinding", "metadata": metadata, "roleRef": role, "subjects": [account]},
        {"apiVersion": ARGO, "kind": "CronWorkflow", "metadata": metadata, "spec": _cron(schedule)},
    ]


def _check(schedule: Schedule) -> None:
    for what, text, pattern in (
        ("a namespace", schedule.namespace, NAMESPACE),
        ("an image", schedule.image, PLAIN),
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
