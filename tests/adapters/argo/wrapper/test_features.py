"""Templates with all that a container can have: wrapped once, valid, and as they were before without the wrapper."""

from __future__ import annotations

import copy
import json

import pytest

from adapters.argo.caching.small import Made, made, workflow
from adapters.argo.crd import violations
from adapters.argo.wrapper.manifests import WRAPPER
from couler_plugins.api import lint

TASKS = "- {name: a, template: use, arguments: {parameters: [{name: x, value: '1'}]}}\n"
TEMPLATE = """
- name: use
  metadata: {annotations: {couler.io/cache: pure}}
  inputs: {parameters: [{name: x}]}
  outputs: {parameters: [{name: o, valueFrom: {path: /out/o}}]}
  AROUND
  container: {image: i, command: [use], args: ["{{inputs.parameters.x}}"]INSIDE}
"""
EMPTY_DIR = "volumes: [{name: t, emptyDir: {}}]"


def template(around: str = "", inside: str = "") -> str:
    return TEMPLATE.replace("AROUND", around).replace("INSIDE", f", {inside}" if inside else "")


TAKEN = {
    "hooks": ("", "lifecycle: {postStart: {exec: {command: [x]}}}"),
    "probes": ("", "livenessProbe: {exec: {command: [x]}}, readinessProbe: {tcpSocket: {port: 1}}"),
    "an odd variable": ("", 'env: [{name: a.b, value: "1"}]'),
    "a terminal": ("", "stdin: true, tty: true, workingDir: /w"),
    "a user": ("", "securityContext: {runAsUser: 0, privileged: true}"),
    "a pod's user": ("securityContext: {runAsNonRoot: true, fsGroup: 7}", ""),
    "nothing about users": ("securityContext: {}", ""),
    "resources": ("", "resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1, memory: 1Gi}}"),
    "a request for disk": ("", "resources: {requests: {ephemeral-storage: 1Gi}}"),
    "a timeout of nothing": ("timeout: 0s", ""),
    "a small timeout": ("timeout: 5µs", ""),
    "a fraction": ("timeout: 1.5h", ""),
    "no deadline": ("activeDeadlineSeconds: null", ""),
    "retries": ("retryStrategy: {limit: 3, backoff: {duration: 1m, maxDuration: 10m}}", ""),
    "hosts": ("hostAliases: [{ip: 1.2.3.4, hostnames: [a]}]", ""),
    "an executor": ("executor: {serviceAccountName: x}\n  automountServiceAccountToken: false", ""),
    "a place": ("tolerations: [{key: a, operator: Exists}]\n  nodeSelector: {kubernetes.io/os: linux}", ""),
    "an init container": ("initContainers: [{name: f, image: i, mirrorVolumeMounts: true}]", ""),
    "an init container beside": ("initContainers: [{name: f, image: i, restartPolicy: Always}]", ""),
    "a volume above": (EMPTY_DIR, "volumeMounts: [{name: t, mountPath: /out, subPath: x}]"),
    "a volume of all": (EMPTY_DIR, "volumeMounts: [{name: t, mountPath: /, readOnly: true}]"),
}


@pytest.mark.parametrize(("around", "inside"), TAKEN.values(), ids=TAKEN)
def test_it_is_wrapped_and_back(around: str, inside: str) -> None:
    before = workflow(TASKS, template(around, inside))
    (after,) = made(copy.deepcopy(before), pipeline=WRAPPER).documents
    assert "couler-restore" in json.dumps(after)
    assert violations(after) == violations(before)
    assert {item.code for item in lint([after]).findings} <= {item.code for item in lint([before]).findings}
    assert not made(copy.deepcopy(after), pipeline=WRAPPER).changed
    assert made(copy.deepcopy(after), pipeline="cache{via=memoize}").documents == [before]


WINDOWS = "{nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows]}]}]}"
REFUSED = {
    "a number as a timeout": ("timeout: 100", "", "not a constant time"),
    "a timeout before": ("timeout: -1h", "", "not a constant time"),
    "a deadline of nothing": ("activeDeadlineSeconds: 0", "", "not a constant time"),
    "a deadline before": ("activeDeadlineSeconds: -5", "", "not a constant time"),
    "a fraction of a second": ("activeDeadlineSeconds: 10.5", "", "not a constant time"),
    "yes as a deadline": ("activeDeadlineSeconds: true", "", "not a constant time"),
    "no mounts": ("", "volumeMounts: []", "no lists with something"),
    "null mounts": ("", "volumeMounts: null", "no lists with something"),
    "no volumes": ("volumes: []", "", "no lists with something"),
    "null volumes": ("volumes: null", "", "no lists with something"),
    "no init containers": ("initContainers: []", "", "no lists with something"),
    "null sidecars": ("sidecars: null", "", "no lists with something"),
    "windows": ("nodeSelector: {kubernetes.io/os: windows}", "", "Windows"),
    "windows by affinity": (
        f"affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {WINDOWS}}}}}",
        "",
        "Windows",
    ),
}


@pytest.mark.parametrize(("around", "inside", "reason"), REFUSED.values(), ids=REFUSED)
def test_it_is_left_alone(around: str, inside: str, reason: str) -> None:
    found: Made = made(workflow(TASKS, template(around, inside)), pipeline=WRAPPER)
    assert reason in found.decision("main/a").reason
    assert "couler-restore" not in json.dumps(found.documents)
