"""Where KFP keeps the settings of steps: attempts at the task, all else with the executor of its component.

Sources: `pipeline_spec.proto` (RetryPolicy, PipelineContainerSpec), `kubernetes_executor_config.proto`, and what the
backend makes of them (`argocompiler/dag.go`, `driver.go`, `k8s.go`).
"""

from __future__ import annotations

import math
from collections.abc import Callable as Function
from dataclasses import replace as with_fields

from couler_kfp.components import OLDER, QUANTITIES
from couler_kfp.structures import plain, structure, write_structure
from couler_kfp.support import unsupported
from couler_kfp.texts import write_text
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.ir import (
    Home,
    Homes,
    Literal,
    NativeForm,
    Operation,
    Value,
    container_home,
    native_home,
)
from couler_plugins.ir.settings import Pairs, merged

FORM = NativeForm(write_structure, structure, plain, write_text)
DRIVEN = tuple(Literal(value=f"argostub/{what}") for what in ("createpvc", "deletepvc"))
"""The images of components that run nothing."""


def _objection(operation: Operation | None) -> str:
    """Return why KFP starts no pod for an operation; empty where it does."""
    if operation is None or operation.kind != "container":
        return "KFP starts a pod for containers only"
    return "KFP's driver does it, without a pod" if operation.containers[0].image in DRIVEN else ""


def _configured(setting: str, *path: str, refuse: Function[[Operation], str] = _objection) -> Home:
    """Return the home of a setting in the platform configuration of an executor."""
    home = native_home(setting, ("platforms", "kubernetes", *path), FORM, refuse=refuse)
    return with_fields(home, native=".".join(path))


def _contained(setting: str, native: str, note: str = "") -> Home:
    """Return the home of a setting in the container; quantities are also read where they are numbers."""
    home = container_home(setting, native, note)

    def get(operation: Operation) -> Pairs:
        rest = operation.containers[0].native_extra if operation.containers else None
        resources = mapping_at(write_structure(rest), "resources") if rest is not None else {}
        older = {name: resources.get(OLDER[key]) for name, key in QUANTITIES[setting].items()}
        numbers = {
            name: f"{number:g}{'G' if name == 'memory' else ''}"
            for name, number in older.items()
            if isinstance(number, (int, float)) and number
        }
        return merged(merged((), numbers), home.read(setting, operation))

    return with_fields(home, refuse=_objection, get=get if setting in QUANTITIES else home.get)


DEADLINE = _configured("timeout", "activeDeadlineSeconds")


def _timeout(operation: Operation) -> Value | None:
    """Return the seconds that the pod of an operation has; the JSON form of protos spells them as text."""
    match DEADLINE.read("timeout", operation):
        case Literal(value=str(digits)) if digits.isdecimal():
            return Literal(value=int(digits))
        case held:
            return held  # type: ignore[no-any-return]  # it is a value


def _with_timeout(operation: Operation, timeout: Value | None) -> Operation:
    if isinstance(timeout, Literal) and isinstance(timeout.value, (int, float)):
        timeout = Literal(value=str(math.ceil(timeout.value)))
    elif timeout is not None:
        raise unsupported("timeout", operation.name, "has a timeout that is no number", "give it seconds")
    return DEADLINE.write("timeout", operation, timeout)  # type: ignore[no-any-return]  # it is an operation


def _unless_chosen_in_run(operation: Operation) -> str:
    config = write_structure(operation.native_extra) if operation.native_extra is not None else {}
    for key in ("platforms", "kubernetes", "nodeSelector"):
        config = config.get(key, {})
    return "an input of the pipeline chooses the nodes" if "nodeSelectorJson" in config else _objection(operation)


HOMES: Homes = {
    "retry": Home(at="step", native="retryPolicy", refuse=_objection),
    "timeout": with_fields(DEADLINE, note="whole seconds", get=_timeout, put=_with_timeout),
    "requests": _contained("requests", "resourceCpuRequest, resourceMemoryRequest", "cpu and memory"),
    "limits": _contained("limits", "resourceCpuLimit, resourceMemoryLimit", "cpu and memory"),
    "env": _contained("env", "env"),
    "labels": _configured("labels", "podMetadata", "labels"),
    "annotations": _configured("annotations", "podMetadata", "annotations"),
    "node_selector": _configured("node_selector", "nodeSelector", "labels", refuse=_unless_chosen_in_run),
    "priority": Home(at="none", note="KFP's platform configuration has no priority class"),
    "scheduler": Home(at="none", note="KFP's platform configuration has no scheduler"),
    "weight": Home(at="none", note="KFP starts steps in the order in which they are ready"),
}
"""The home of each setting."""


def homes() -> Homes:
    """Return where KFP keeps each setting of a step."""
    return HOMES
