"""A whole workflow: its arguments, variables, entrypoint, exit handler and pods, then its templates."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from couler_argo.lint.arguments import Arguments, Later, as_text, check_arguments, firsts
from couler_argo.lint.calls import Request, check_hooks, find_library, resolve_name, resolve_reference
from couler_argo.lint.holders import Holder, Shelf
from couler_argo.lint.report import Borrowed, Report, check_fields, is_parameter
from couler_argo.lint.run import Run
from couler_argo.lint.visits import walk
from couler_plugins.documents import Mapped, Path

STRATEGIES = ("OnPodCompletion", "OnPodSuccess", "OnWorkflowCompletion", "OnWorkflowSuccess")
OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
LABEL_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
LABEL_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def check_pod_gc(collection: Mapped, path: Path, report: Report) -> None:
    """The strategy, and which pods it is for."""
    strategy = collection.get("strategy", "")
    if strategy and strategy not in STRATEGIES:
        message = f"podGC has the strategy {strategy!r}, which does not exist"
        hint = report.meant(strategy, STRATEGIES, f"use one of {', '.join(STRATEGIES)}")
        report.error("pod-gc", (*path, "strategy"), message, hint)
    selector, place = collection.get("labelSelector", {}), (*path, "labelSelector")
    for key, content in selector.get("matchLabels", {}).items():
        if not _is_key(key) or not _is_value(content):
            message = f"podGC selects the label {key!r}: {content!r}, which is not a valid label"
            report.error("pod-gc", (*place, "matchLabels", key), message, "correct it")
    for number, item in enumerate(selector.get("matchExpressions", ())):
        if problem := _problem(item):
            report.error("pod-gc", (*place, "matchExpressions", number), f"podGC's selector {problem}", "correct it")


def _problem(item: Mapped) -> str:
    key, operator, values = item.get("key", ""), item.get("operator", ""), item.get("values", [])
    if operator not in OPERATORS:
        return f"has the operator {operator!r}, which does not exist"
    if not _is_key(key):
        return f"has the key {key!r}, which is not valid"
    if bool(values) is not operator.endswith("In"):
        return f"has {'values' if values else 'no values'} for {operator}"
    return "" if all(map(_is_value, values)) else "has a value that is not valid"


def _is_key(text: str) -> bool:
    prefix, slash, name = text.rpartition("/")
    return bool(LABEL_NAME.fullmatch(name)) and (not slash or bool(LABEL_PREFIX.fullmatch(prefix)))


def _is_value(text: str) -> bool:
    return not text or bool(LABEL_NAME.fullmatch(text))


LATER: dict[str, Later] = {
    "Workflow": "at submission",
    "WorkflowTemplate": "in use",
    "ClusterWorkflowTemplate": "in use",
    "CronWorkflow": "never",  # nobody is there when it starts one
}
"""When the parameters of each kind can still get their values."""

CRON_LABEL, CRON_ANNOTATION = "workflows.argoproj.io/cron-workflow", "workflows.argoproj.io/scheduled-time"
"""What a workflow of a CronWorkflow has; it does not have the CronWorkflow's own labels."""


def check_workflow(shelf: Shelf, home: Holder, report: Report) -> None:
    """Everything that Argo's validation checks of an object, as it does when it lints."""
    run = Run(shelf, home, report)
    spec, path = home.spec, home.spec_path
    reference = spec.get("workflowTemplateRef")
    library = None
    if reference is not None:
        if spec.get("templates"):
            message = "templates stand beside workflowTemplateRef"
            report.error("templates-beside-reference", (*path, "templates"), message, "keep one of them")
        library = _library(run, reference, (*path, "workflowTemplateRef"))
    check_fields(home.templates, "template", (*path, "templates"), "", report, literal=True)
    own, inherited = _arguments(spec, library)
    needed = _needed(home, library)
    check_arguments(own, (*path, "arguments"), "", report, LATER[home.kind], needed)
    if library is not None:
        borrowed_note = "the workflow template's arguments are taken over"
        borrowed = Borrowed(report, (*path, "workflowTemplateRef"), borrowed_note, library.document)
        check_arguments(inherited, (), "", borrowed, LATER[home.kind], needed)
    arguments = {plural: [*own[plural], *inherited[plural]] for plural in own}
    _define(run, arguments, library)
    check_hooks(spec.get("hooks", {}), (*path, "hooks"), "", report)
    check_pod_gc(spec.get("podGC", {}), (*path, "podGC"), report)
    if reference is None or library is not None:
        for request in _requests(run, library, arguments):
            walk(run, request)


def _library(run: Run, reference: Mapped, path: Path) -> Holder | None:
    if not reference.get("name"):
        run.report.error("no-call", path, "workflowTemplateRef has no name", "name a workflow template")
        return None
    return find_library(run, run.home, run.report, reference, path, "")


def _arguments(spec: Mapped, library: Holder | None) -> tuple[Mapped, Mapped]:
    """The workflow's own arguments, and those that come from the workflow template that it refers to."""
    own: Mapped = {}
    inherited: Mapped = {}
    for plural in ("parameters", "artifacts"):
        own[plural], inherited[plural] = spec.get("arguments", {}).get(plural, []), []
        if library is not None:  # where Argo puts the two together, it takes the first of each name
            first = firsts(own[plural])
            others = firsts(library.spec.get("arguments", {}).get(plural, []))
            own[plural] = list(first.values())
            inherited[plural] = [item for name, item in others.items() if name not in first]
    return own, inherited


def _needed(home: Holder, library: Holder | None) -> Collection[str]:
    """The parameters whose want is said where the workflow begins or ends: what it calls there takes them."""
    needed: set[str] = set()
    specs = (home.spec, library.spec if library is not None else {})
    for key in ("entrypoint", "onExit") if not home.manifest.library else ("onExit",):
        name = next((spec[key] for spec in specs if spec.get(key)), "")
        definition = (
            (library or home).find(name) if library is not None or "workflowTemplateRef" not in home.spec else None
        )
        if definition is not None:
            needed |= {item.get("name", "") for item in definition[0].get("inputs", {}).get("parameters", ())}
    return needed


def _define(run: Run, arguments: Mapped, library: Holder | None) -> None:
    """Makes known what can be referred to everywhere."""
    parameters = arguments.get("parameters", ())
    if parameters:
        run.define("workflow.parameters")
        run.define("workflow.parameters.json")
    for item in parameters:
        if name := item.get("name"):
            run.define(f"workflow.parameters.{name}", as_text(item["value"]) if "value" in item else None)
    for kind in ("labels", "annotations"):
        for key in _metadata(run.home, library, kind):
            run.define(f"workflow.{kind}.{key}")
    if "priority" in run.home.spec:
        run.define("workflow.priority", str(run.home.spec["priority"]))


def _metadata(home: Holder, library: Holder | None, kind: str) -> Iterator[str]:
    more = [home.spec.get("workflowMetadata", {})]
    if home.kind == "CronWorkflow":
        yield CRON_LABEL if kind == "labels" else CRON_ANNOTATION
        more.append(home.data.get("spec", {}).get("workflowMetadata", {}))
    else:
        yield from home.metadata.get(kind, ())
    if library is not None:
        more.append(library.spec.get("workflowMetadata", {}))
    for metadata in more:
        yield from metadata.get(kind, ())
        if kind == "labels":
            yield from metadata.get("labelsFrom", ())


def _requests(run: Run, library: Holder | None, arguments: Mapped) -> Iterator[Request]:
    """The visits that make up the check, in Argo's order."""
    spec, path = run.home.spec, run.home.spec_path
    entry = spec.get("entrypoint") or (library.spec.get("entrypoint", "") if library else "")
    if entry:
        supplied = None if run.library else Arguments(arguments)
        yield from _request(run, library, entry, (*path, "entrypoint"), "the entrypoint ", supplied)
    elif not run.library:
        message = "the workflow has no entrypoint"
        run.report.error("missing-entrypoint", path, message, "name the template that it begins with")
    leave = spec.get("onExit") or (library.spec.get("onExit", "") if library else "")
    if leave:
        run.define("workflow.failures")
        run.any_artifact = any(map(_names_artifacts_later, (spec, library.spec if library else {})))
        supplied = Arguments(spec.get("arguments", {}))
        yield from _request(run, library, leave, (*path, "onExit"), "onExit ", supplied)
    place = (*path, "workflowTemplateRef") if library else path
    for template in (library or run.home).templates:
        if name := template.get("name"):
            yield from _request(run, library, name, place, "", None)
        elif library is not None:
            message = f"the workflow template {library.name!r} has a template without a name"
            run.report.error("missing-name", place, message, "name it")


def _names_artifacts_later(spec: Mapped) -> bool:
    artifacts: Iterable[Mapped] = (
        item for template in spec.get("templates", ()) for item in template.get("outputs", {}).get("artifacts", ())
    )
    return any(is_parameter(item.get("globalName", "")) for item in artifacts)


def _request(
    run: Run, library: Holder | None, name: str, path: Path, where: str, arguments: Arguments | None
) -> Iterator[Request]:
    report = run.report
    if library is not None:
        reference = {**run.home.spec["workflowTemplateRef"], "template": name}
        callee = resolve_reference(run, run.home, report, reference, path, where).callee
    else:
        callee = resolve_name(run, run.home, name, report, path, where).callee
    if callee is not None:
        yield Request(callee, arguments, report, path, f"{where}{name!r}")
