"""What a DAG cannot say of the workflows of other engines: a table, checked as a whole before anything is written.

What only shows once texts are put together, such as the outcome of a condition, is refused where it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from couler_plugins.engine_kit.legalize.legality import Legality, Rule, Site, differs
from couler_plugins.engine_kit.legalize.native_fields import beyond, fields_of
from couler_plugins.engine_kit.legalize.notes import Notes
from couler_plugins.engine_kit.legalize.python.functions import function_of
from couler_plugins.engine_kit.legalize.tables import WAY_OUT
from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Argument,
    Container,
    Graph,
    Handler,
    Loop,
    Node,
    Operation,
    Output,
    Port,
    Step,
    Workflow,
)
from couler_plugins.ir import Literal as Constant
from couler_plugins.plan.plan import Loss

KINDS = ("container", "script")
OWN = ("suspend", "http")
"""Kinds that are operators of Airflow's own."""
OF_ARTIFACTS = frozenset({"Argument.kind", "Output.kind", "Port.kind"})
"""What is refused only where no store is named."""
POD_FIELDS = str.split("""
    affinity automountServiceAccountToken dnsConfig dnsPolicy hostAliases hostNetwork imagePullSecrets nodeSelector
    priorityClassName schedulerName securityContext serviceAccountName tolerations volumes
""")
"""Fields of a template, or of a whole workflow, that are those of a pod."""
CONTAINER_FIELDS = str.split("""
    envFrom imagePullPolicy lifecycle livenessProbe mirrorVolumeMounts ports readinessProbe securityContext startupProbe
    stdin terminationMessagePath tty volumeDevices volumeMounts workingDir
""")
CONTEXT = frozenset(
    str.split(
        """
        asset_state_store conn dag dag_run data_interval_end data_interval_start ds ds_nodash exception
        expanded_ti_count inlet_events inlets logical_date macros map_index_template outlet_events outlets params
        partition_date partition_key prev_data_interval_end_success prev_data_interval_start_success
        prev_end_date_success prev_start_date_success reason run_id task task_instance task_instance_key_str
        task_reschedule_count task_state_store templates_dict test_mode ti triggering_asset_events try_number ts
        ts_nodash ts_nodash_with_tz var
        """
    )
)
"""Names by which Airflow itself passes something to a function, in any release of 3.

Source: `airflow.sdk.definitions.context.KNOWN_CONTEXT_KEYS` (3.3).
"""


def _is_pod(site: Site) -> bool:
    return isinstance(site.callee, Operation) and site.callee.kind in KINDS


def _is_function(site: Site) -> bool:
    return isinstance(site.callee, Operation) and function_of(site.callee) is not None


def _set(feature: str, kind: type[Graph | Operation]) -> Callable[[Site], object]:
    """Return what tells whether a field is set, where what is called is of this kind."""
    return lambda site: isinstance(site.callee, kind) and differs(site.node, feature)


def _beyond_text(what: str, field: str, reason: str) -> Rule:
    """Return the rule for a field that texts do not have; of an artifact, only its kind is told."""
    feature = f"{what.capitalize()}.{field}"

    def fault(site: Site) -> bool:
        is_filled_in = isinstance(site.node, Output) and isinstance(site.callee, Graph)
        is_own = field == "optional" and _is_function(site)
        is_told = field == "kind" or site.node.kind == "parameter"
        return is_told and not is_filled_in and not is_own and differs(site.node, feature)

    return Rule(feature, f"has a {what} {{site.node.name!r}} that {reason}", fault)


def _unpassed(site: Site) -> str:
    step: Step = site.node
    passed = {item.name for item in step.arguments if not (_is_function(site) and item.value == Constant(value=None))}
    passed |= {port.name for port in site.workflow.parameters} if site.is_entry else set()
    inputs = site.callee.inputs if site.callee is not None else ()
    needed = (port.name for port in inputs if port.required and port.kind == "parameter")
    return ", ".join(repr(name) for name in needed if name not in passed)


def _handled(site: Site) -> bool:
    handlers: Sequence[Handler] = site.node.handlers
    return any(item.event != "exit" or item.condition is not None for item in handlers)


def pool_of(operation: Operation) -> str:
    """Return the pool that stands for the only lock of an operation; empty where there is none, or more than one."""
    locks = operation.locks
    data = locks.data if locks is not None and all(isinstance(part, str) for part in locks.parts) else {}
    mutexes = [*filter(None, [data.pop("mutex", None)]), *(data.pop("mutexes", None) or [])]
    semaphores = [*filter(None, [data.pop("semaphore", None)]), *(data.pop("semaphores", None) or [])]
    if data or len(mutexes) + len(semaphores) != 1:
        return ""
    if mutexes:
        return str(mutexes[0].get("name") or "")
    (place,) = [semaphores[0][key] for key in ("configMapKeyRef", "database") if semaphores[0].get(key)] or [{}]
    return "-".join(str(place[key]) for key in ("name", "key") if place.get(key))


def _kind(site: Site) -> str:
    return "" if _is_pod(site) or _is_function(site) or site.node.kind in OWN else site.node.kind


def _pod_fields(site: Site) -> str:
    """The fields that no pod has."""
    fields = fields_of(site.node.native_extra) if _is_pod(site) else {}
    metadata = fields.pop("metadata", {})
    fields.pop("activeDeadlineSeconds", None)
    is_plain = isinstance(metadata, dict) and not metadata.keys() - {"labels", "annotations"}
    return ", ".join(sorted(fields.keys() - set(POD_FIELDS)) or ([] if is_plain else ["metadata"]))


def _container_fields(site: Site) -> str:
    return ", ".join(sorted(fields_of(site.node.native_extra).keys() - set(CONTAINER_FIELDS))) if _is_pod(site) else ""


def _mains(site: Site) -> str:
    number = sum(item.role == "main" for item in site.node.containers)
    return str(number) if _is_pod(site) and number != 1 else ""


def _around_function(site: Site) -> str:
    """What a function has of a container that runs in Airflow's own process."""
    container: Container = site.node
    if not _is_function(site):
        return ""
    others = container.native_extra is not None or container.command or container.args
    return "variables of its own" if container.env else "more to say of its container than an image" if others else ""


ARTIFACT, MORE = "is an artifact", "has more than a name and a value"
CALLABLE = {"memoized": "is memoized", "locks": "takes mutexes or semaphores", "metrics": "reports metrics"}
PORT = {
    "kind": ARTIFACT,
    "optional": "may stay empty",
    "path": "appears as a file",
    "native_extra": MORE,
}
OUTPUT = {"kind": ARTIFACT, "native_extra": MORE}
ITEMS = "loops with a limit, or with more items than those of its list"

RULES: Mapping[type[Node], Sequence[Rule]] = {
    Workflow: (Rule("Workflow.handlers", "has hooks beside an exit handler, or on conditions", _handled),),
    Step: (
        Rule("Step.handlers", "has hooks beside an exit handler, or on conditions", _handled),
        Rule("Step.directives", "has an annotation for caching or tuning"),
        Rule("Step.native_extra", "{}", lambda site: site.node.native_extra and beyond(site.node.native_extra)),
        Rule("Step.role", "is a {site.node.role}"),
        Rule(
            "Step.call",
            "calls what is not in this workflow",
            lambda site: site.callee is None,
            "put the template into the workflow itself",
        ),
        Rule(
            "Step.call",
            "calls {!r}, which calls itself",
            lambda site: site.into_recursion and site.node.call.name,
            WAY_OUT,
        ),
        Rule("Step.retry", "is retried as a whole", _set("Step.retry", Graph)),
        Rule("Step.timeout", "has a timeout as a whole", _set("Step.timeout", Graph)),
        Rule("Port.value", "gets no value for {}", _unpassed, "pass one"),
    ),
    Argument: (Rule("Argument.kind", "hands the artifact {site.node.name!r} on"),),
    Loop: (
        Rule("Loop.limit", ITEMS),
        Rule("Loop.includes", ITEMS),
        Rule(
            "Loop.combine",
            "loops over several lists",
            lambda site: len(site.node.axes) != 1 and site.node.combine in ("rows", "sequence"),
        ),
    ),
    Port: tuple(_beyond_text("port", name, reason) for name, reason in PORT.items()),
    Graph: (
        *(Rule(f"Graph.{name}", reason) for name, reason in CALLABLE.items()),
        Rule("Graph.retry", "is retried as a whole"),
        Rule("Graph.timeout", "has a timeout as a whole"),
        Rule("Graph.regions", "has named subsets of its steps"),
        Rule("Graph.targets", "runs only what some of its steps need"),
        Rule("Graph.native_extra", "has more than steps, inputs and outputs"),
        Rule(
            "Graph.parallelism",
            "limits how many of its steps run at a time",
            lambda site: site.node.parallelism is not None and not site.is_entry,
            "use a pool",
        ),
    ),
    Operation: (
        Rule("Operation.kind", "is a {}, which Airflow has no operator for", _kind),
        Rule("Operation.memoized", CALLABLE["memoized"]),
        Rule("Operation.metrics", CALLABLE["metrics"]),
        Rule("Operation.locks", CALLABLE["locks"], lambda site: site.node.locks is not None and not pool_of(site.node)),
        Rule("Operation.daemon", "keeps running beside the steps after it"),
        Rule("Operation.directives", "has an annotation for caching or tuning"),
        Rule("Operation.native_extra", "has {}", _pod_fields),
        Rule("Operation.containers", "has {} main containers", _mains),
        Rule(
            "Port.name",
            "takes {!r}, by which Airflow passes its own",
            lambda site: (
                _is_function(site) and next((port.name for port in site.node.inputs if port.name in CONTEXT), "")
            ),
            "give the parameter another name",
        ),
    ),
    Output: (
        *(_beyond_text("output", name, reason) for name, reason in OUTPUT.items()),
        Rule(
            "Output.value",
            "finds its output {site.node.name!r} otherwise",
            lambda site: (
                _is_pod(site)
                and site.node.kind == "parameter"
                and (site.node.path is None or site.node.value is not None)
            ),
        ),
    ),
    Container: (
        Rule("Container.native_extra", "has {} in a container", _container_fields),
        Rule(
            "Container.image",
            "names no image",
            lambda site: _is_pod(site) and site.node.role == "main" and site.node.image is None,
        ),
        Rule("Container.env", "has {}, and runs in Airflow's own process", _around_function, "pass them as parameters"),
    ),
}
HINTS = {
    "Operation.kind": "make it a container or a script; objects of Kubernetes: --to 'airflow{kubectl=IMAGE}'",
    "Operation.daemon": "start what it serves outside of the workflow",
    "Operation.locks": "use a pool in Airflow, after the conversion",
    "Step.condition": "compare words or numbers by ==, !=, <, >, && or ||, or decide it in the container",
    "Step.loop": "list the items, or count them, in the workflow itself",
    "Step.needs": "let a step need the same of all steps before it: success, success or skipped, failure, or any end",
    "Step.arguments": "pass it as a parameter of the workflow, or find it out in the container",
    "Output.value": "write it to a file in the container, and name that file (valueFrom.path)",
    **dict.fromkeys(
        OF_ARTIFACTS, "name a PersistentVolumeClaim in which steps hand files on: --to 'airflow{store=CLAIM}'"
    ),
    "Container.command": "give the command: an image's own entrypoint is not known here",
}
LEGALITY = Legality("airflow", RULES, HINTS, "take it out of the workflow, or keep this workflow where it is")
refusal = LEGALITY.refusal


class Diagnostics(Notes):
    """Collects what is refused of one workflow, what is left out of it, and what is not quite the same in Airflow.

    Args:
        workflow: its label.
    """

    def __init__(self, workflow: str) -> None:
        super().__init__("airflow", workflow)
        self.refusals: list[Unsupported] = []

    def refuse(self, feature: str, step: str, reason: str, hint: str = "", fields: str = "") -> None:
        """Add something that a DAG cannot say; see `Legality.refusal`."""
        self.refusals.append(refusal(feature, step, reason, hint, fields))

    def lose(self, step: str, reason: str, loss: Loss = "detail") -> None:
        """Add something that a DAG has no place for, and that does not count for what is computed."""
        self.note(step, "left out", f"it {reason}, which cannot be written for Airflow", loss)
