"""A whole workflow, with its settings, volumes and claims, as a file of Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from couler_plugins.authoring.places import shown
from couler_plugins.authoring.source.catalogue import Catalogue, checked_steps
from couler_plugins.authoring.source.graphs import WHOLE, Graphs
from couler_plugins.authoring.source.texts import asked_of, behind, call, constant, identifier, refused, written
from couler_plugins.authoring.source.variables import Around
from couler_plugins.engine_kit.legalize.python.functions import function_of
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs import CatalogueStep
from couler_plugins.ir import Call, Graph, Literal, Reference, Step, Workflow, callables, references, replace

# What holds for a whole run: the settings of `workflow`, volumes and claims, read back from the IR.

SPEC = {
    "activeDeadlineSeconds": "timeout",
    "serviceAccountName": "service_account",
    "tolerations": "tolerations",
    "nodeSelector": "node_selector",
    "dnsPolicy": "dns_policy",
    "dnsConfig": "dns_config",
    "securityContext": "security_context",
}
SCHEDULE = {
    "schedule": "cron",
    "timezone": "timezone",
    "concurrencyPolicy": "concurrency_policy",
    "startingDeadlineSeconds": "starting_deadline_seconds",
    "successfulJobsHistoryLimit": "successful_jobs_history_limit",
    "failedJobsHistoryLimit": "failed_jobs_history_limit",
    "suspend": "suspend",
}


def settings_of(workflow: Workflow) -> tuple[dict[str, str], list[str]]:
    """The arguments of `workflow`, and the calls that come first in its block.

    Raises:
        Unsupported: it says something that is none of these.
    """
    if workflow.native_extra is not None and any(references(workflow.native_extra)):
        raise refused(workflow.label, "says of its runs what is only known at run time")
    rest = {} if workflow.native_extra is None else dict(workflow.native_extra.data)
    spec, metadata = dict(rest.pop("spec", {})), dict(rest.pop("metadata", {}))
    settings: dict[str, str] = {}
    parameters = {port.name: _value(workflow, port) for port in workflow.parameters}
    if parameters:
        settings["parameters"] = constant(parameters)
    if workflow.kind == "CronWorkflow":
        inner = dict(spec.pop("workflowSpec", {}))
        schedule = {name: spec.pop(key) for key, name in SCHEDULE.items() if key in spec}
        settings["schedule"] = (
            f"couler.Schedule({', '.join(f'{name}={constant(value)}' for name, value in schedule.items())})"
        )
        rest |= spec
        spec = inner
    settings |= {name: constant(spec.pop(key)) for key, name in SPEC.items() if key in spec}
    if "ttlStrategy" in spec:
        settings["time_to_clean"] = constant(spec.pop("ttlStrategy").get("secondsAfterCompletion"))
    if "imagePullSecrets" in spec:
        settings["image_pull_secrets"] = constant(tuple(item["name"] for item in spec.pop("imagePullSecrets")))
    settings |= {key: constant(metadata.pop(key)) for key in ("labels", "annotations") if key in metadata}
    calls = [*_volumes(workflow, spec.pop("volumes", ())), *_claims(spec.pop("volumeClaimTemplates", ()))]
    if unsupported := [*rest, *metadata, *spec]:
        raise refused(workflow.label, f"says {min(unsupported)} of its runs")
    return settings, calls


def _value(workflow: Workflow, port: Any) -> str | None:
    value = port.value if port.value is not None else port.default
    if port.kind != "parameter" or port.native_extra is not None or not (value is None or isinstance(value, Literal)):
        raise refused(workflow.label, f"has a parameter {port.name!r} that is more than a text")
    return None if value is None else str(value.value)


def _volumes(workflow: Workflow, volumes: Any) -> Iterator[str]:
    for volume in volumes:
        match volume:
            case {"name": name, "persistentVolumeClaim": {"claimName": claim, **others}} if not others:
                yield f"couler.add_volume(couler.Volume({constant(name)}, {constant(claim)}))"
            case {"name": name, "emptyDir": {**others}} if not others:
                yield f"couler.add_volume(couler.Volume({constant(name)}))"
            case _:
                raise refused(workflow.label, f"has the volume {volume.get('name')!r}, of another kind")


def _claims(claims: Any) -> Iterator[str]:
    for claim in claims:
        spec = claim["spec"]
        identity = (claim["metadata"]["name"], tuple(spec["accessModes"]), spec["resources"]["requests"]["storage"])
        yield f"couler.create_workflow_volume(couler.VolumeClaimTemplate{constant(identity)})"


NOTHING = Step(name="", call=Call(name=""))
IMPORT = "import couler_plugins.authoring as couler"


def to_python(workflow: Workflow, steps: Iterable[CatalogueStep] = ()) -> str:
    """A workflow as Python of the unified interface; running that gives an equal workflow, called `workflow`.

    What other means have written in other names comes out as a workflow that does the same.

    Args:
        workflow: a portable one.
        steps: ready-made steps, which are called by their names.

    Raises:
        Unsupported: it has something that the interface has no words for.
        InvalidInput: it is none.
    """
    if not isinstance(workflow, Workflow):
        raise InvalidInput(f"{shown(workflow)} is no workflow of the IR", hint="give it: to_python(wf.ir)")
    entries = checked_steps(steps)
    by_name = callables(workflow)
    entry = by_name.get(getattr(workflow.entry.call, "name", "")) if workflow.entry is not None else None
    if not isinstance(entry, Graph):
        raise refused(workflow.label, "does not begin with a graph")
    _check_whole(workflow, entry)
    functions, sources = _functions(workflow)
    settings, first = settings_of(workflow)
    graphs = Graphs(workflow, functions, Catalogue(entries))
    graphs.block(entry, entry.steps, Around())
    _handlers(workflow, graphs)
    head = call("couler.workflow", {"name": constant(workflow.name), **settings})(0)
    block = "\n".join([f"with {head} as workflow:", *(f"    {line}" for line in first), *graphs.lines])
    return "\n\n\n".join([IMPORT, *sources, f"{block}\n"])


def _check_whole(workflow: Workflow, entry: Graph) -> None:
    """Refuses what a block has no words for: it would be gone."""
    for name in ("prefix", "namespace", "library"):
        if getattr(workflow, name):
            raise refused(workflow.label, f"has a {name}")
    if not workflow.name:
        raise refused(workflow.label, "has no name")
    if workflow.entry is not None and replace(workflow.entry, name="", call=Call(name=""), source=None) != NOTHING:
        raise refused(workflow.label, "begins with a call that says more than what it calls")
    for name in (*WHOLE[1:], "fail_fast", "parallelism"):
        if getattr(entry, name) is not None and getattr(entry, name) != ():
            raise refused(entry.name, f"has {name} as a whole")


def _functions(workflow: Workflow) -> tuple[dict[str, str], list[str]]:
    """The names of functions by operation, and their definitions in an order in which each has its name."""
    names: dict[str, str] = {}
    existing: dict[str, str] = {}
    sources: list[str] = []
    for operation in workflow.operations:
        function = function_of(operation)
        if function is None:
            continue
        if function.source not in existing:
            name = existing[function.source] = identifier(function.name, existing.values())
            renamed = f"\n\n\n{name} = {function.name}" if name != function.name else ""
            sources.append(f"{function.source.rstrip()}{renamed}")
        names[operation.name] = existing[function.source]
    return names, sources


def _handlers(workflow: Workflow, graphs: Graphs) -> None:
    """What runs at the end, by how it ended."""
    by_name = callables(workflow)
    for handler in workflow.handlers:
        if handler.event != "exit" or handler.condition is not None:
            raise refused(handler.step.name, "runs on an event")
        callee = by_name.get(getattr(handler.step.call, "name", ""))
        steps = (
            callee.steps if isinstance(callee, Graph) else (replace(handler.step, name=handler.step.name or "exit"),)
        )
        for step in steps:
            _handler(step, graphs)


def _handler(step: Step, graphs: Graphs) -> None:
    status = ""
    for comparison in asked_of(step.condition, step.name):
        if comparison.left != Reference(to="run", name="workflow", path=("status",)) or status:
            raise refused(step.name, "runs at the end, on a condition of its own")
        status = str(comparison.right)
    if step.needs is not None:
        raise refused(step.name, "runs at the end, behind others")
    shown = behind("lambda: ", graphs.single(replace(step, condition=None)))
    ended = f"couler.WFStatus.{status or 'Always'}"
    graphs.lines.append(f"    {written('couler.set_exit_handler(', [ended, shown], ')')(4)}")
