"""Calls of templates: entrypoints, steps, tasks and hooks.

References that Argo cannot resolve in a part of a template, and what others can refer to of a step.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from couler_argo.lint.arguments import Arguments
from couler_argo.lint.holders import Holder
from couler_argo.lint.report import Borrowed, Report, is_computed, tags
from couler_argo.lint.run import Run, Scope, named
from couler_plugins.documents import Mapped, Path


@dataclass(frozen=True, slots=True)
class Callee:
    """A template that something calls.

    Attributes:
        holder: the object that it looks templates up in.
        template: the template.
        path: where it is in its object.
        where: the template, to begin a message with.
        report: gets what is wrong with it.
        borrowed: whether it was called by reference, in a workflow that is not its own.
    """

    holder: Holder
    template: Mapped
    path: Path
    where: str
    report: Report
    borrowed: bool = False

    def inline(self, template: Mapped, path: Path, where: str, report: Report) -> Callee:
        """A template that is written in a step of this one's object."""
        place = f"{where.removesuffix(': ')} (inline)"
        return Callee(self.holder, template, (*path, "inline"), place, report, self.borrowed)


@dataclass(frozen=True, slots=True)
class Request:
    """A visit that a check asks for: of a template, as it is called at one place.

    Attributes:
        callee: the template.
        arguments: what it is called with; None for made-up values of all that it takes.
        report: gets what is wrong with the call.
        path: where the call is.
        subject: who calls what, to begin a message with.
    """

    callee: Callee
    arguments: Arguments | None
    report: Report
    path: Path
    subject: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a call leads to.

    Attributes:
        callee: the template; None where there is none.
        is_known: whether all is known of what it leads to; without a callee: that Argo takes it to have no outputs.
    """

    callee: Callee | None
    is_known: bool = True


UNKNOWN = Resolved(None, is_known=False)


def resolve(run: Run, caller: Callee, call: Mapped, path: Path, where: str) -> Resolved:
    """The template that a step or task calls; says so where there is none.

    Args:
        run: the checks.
        caller: the template that the step is in.
        call: the step, with what is known filled in.
        path: where the step is.
        where: the step, to begin a message with.
    """
    report = caller.report
    reference, name, inline = call.get("templateRef"), call.get("template", ""), call.get("inline")
    if reference is not None:
        if name:
            message = f"{where}calls both {name!r} and a templateRef"
            report.error("no-call", (*path, "template"), message, "keep one of them")
        referred = resolve_reference(run, caller.holder, report, reference, (*path, "templateRef"), where)
        if inline is None or referred.callee is None:
            return referred
        return Resolved(referred.callee.inline(inline, path, where, report))
    place = (*path, "template")
    resolved = resolve_name(run, caller.holder, name, report, place, where, caller.borrowed) if name else None
    if inline is not None:
        return Resolved(caller.inline(inline, path, where, report))
    if resolved is None:
        report.error("no-call", path, f"{where}calls no template", "give it template, templateRef or inline")
        return UNKNOWN
    return resolved


def resolve_name(
    run: Run, holder: Holder, name: str, report: Report, path: Path, where: str, borrowed: bool = False
) -> Resolved:
    """The template of this name in an object; says so where there is none."""
    definition = holder.find(name)
    if definition is not None:
        return _resolved(run, holder, definition, report, borrowed)
    if not borrowed and (brought := run.brought.get(name)) is not None:
        message = f"{where}calls {name!r}, which is not here; Argo takes what a templateRef called before"
        report.warning("unknown-template", path, message, "write a templateRef here as well")
        template, origin = brought
        subject = Borrowed(report, path, f"{where}calls {name!r}", holder.document)
        return Resolved(Callee(holder, template, origin, named(template), subject))
    if not is_computed(name):
        hint = report.meant(name, holder.template_names, "correct the name, or add the template")
        report.error("unknown-template", path, f"{where}calls {name!r}, which does not exist", hint)
    return UNKNOWN


def _resolved(run: Run, holder: Holder, definition: tuple[Mapped, Path], report: Report, borrowed: bool) -> Resolved:
    template, path = definition
    if borrowed:
        run.brought.setdefault(template.get("name", ""), (template, (holder.name, *path)))
    return Resolved(Callee(holder, template, path, named(template), report, borrowed))


def resolve_reference(run: Run, holder: Holder, report: Report, reference: Mapped, path: Path, where: str) -> Resolved:
    """The template of another object that a `templateRef` of an object means."""
    name, template = reference.get("name", ""), reference.get("template", "")
    if not name or not template:
        report.error("no-call", path, f"{where}has a templateRef without a {'template' if name else 'name'}", "add it")
        return UNKNOWN
    if next(tags(reference), None) is not None:
        return Resolved(None)  # known when it runs; Argo looks no further
    library = find_library(run, holder, report, reference, path, where)
    if library is None:
        return UNKNOWN
    definition = library.find(template)
    if definition is None:
        if "placeholder" in template or is_computed(template):
            return Resolved(None)
        message = f"{where}calls {template!r} of {name!r}, which has no such template"
        hint = report.meant(template, library.template_names, "correct the name, or add the template")
        report.error("unknown-template", (*path, "template"), message, hint)
        return UNKNOWN
    if library.document != run.home.document or library.manifest.path != run.home.manifest.path:
        report = Borrowed(report, path, f"{where}calls {template!r} of {name!r}", library.document)
    return _resolved(run, library, definition, report, borrowed=True)


def find_library(run: Run, holder: Holder, report: Report, reference: Mapped, path: Path, where: str) -> Holder | None:
    """The workflow template that a reference of an object names; says so where it cannot be looked into."""
    name, cluster = reference.get("name", ""), reference.get("clusterScope", False)
    if not cluster and run.home.manifest.library == "cluster":
        message = f"{where}refers to the WorkflowTemplate {name!r}, though it belongs to no namespace"
        report.error(
            "cluster-calls-namespace", path, message, "refer to a ClusterWorkflowTemplate (clusterScope: true)"
        )
        return None
    libraries = run.shelf.find(reference, run.home.namespace, holder)
    if len(libraries) > 1:
        run.shelf.shared.add(libraries, holder.document, (*holder.manifest.path, *path))
        return None
    if libraries and not libraries[0].misfits:
        return libraries[0]
    kind = "ClusterWorkflowTemplate" if cluster else "WorkflowTemplate"
    if libraries:
        report.note("outside-bundle", path, f"{where}refers to the {kind} {name!r}, which cannot be read")
        return None
    hint = report.meant(name, run.shelf.names(cluster), "give its file as well, to have this checked")
    report.note("outside-bundle", path, f"{where}refers to the {kind} {name!r}, which is not among the files", hint)
    return None


def has_exit_hook(call: Mapped) -> bool:
    """Whether something is called when a step or task has ended."""
    return bool(call.get("onExit")) or "exit" in call.get("hooks", {})


def check_hooks(hooks: Mapped, path: Path, where: str, report: Report) -> None:
    """Hooks that would not know when to run."""
    for event, hook in hooks.items():
        if event != "exit" and not hook.get("expression"):
            message = f"{where}the hook {event!r} has no expression"
            report.error("hook-expression", (*path, event), message, "say when it runs, or name it `exit`")


MANY = 1000
"""Of so many variables it would take too long to find the one that was meant."""

DECLARE = "declare it in spec.arguments.parameters, also if `argo submit -p` gives its value"
REASONS = {
    "inputs": "there is no such input",
    "steps": "no step before it has that",
    "tasks": "no task has that",
    "item": "the items have no such field",
    "pod": "only templates with a pod have it",
    "workflow": "the workflow has no such variable",
}


def check_references(
    tags: Iterable[tuple[str, Path]],
    scope: Scope,
    where: str,
    report: Report,
    beside: Collection[str] = (),
    any_item: bool = False,
) -> None:
    """Says which tags of a part of a template cannot be resolved.

    Args:
        tags: all tags in it that are left when what is known is filled in, each with its place.
        scope: what can be referred to there.
        where: the part, to begin a message with.
        report: gets what is wrong.
        beside: further variables that can be referred to.
        any_item: whether an item may have any field.
    """
    for tag, place in tags:
        if not scope.knows(tag, beside, any_item):
            root = tag.split(".", 1)[0]
            names = {*scope.names, *beside, *scope.run.variables} if len(scope.names) < MANY else ()
            near = sorted(name for name in names if name.startswith(f"{root}."))
            remedy = DECLARE if tag.startswith("workflow.parameters.") else "correct it, or declare what it refers to"
            hint = report.meant(tag, near, remedy)
            message = f"{where}{{{{{tag}}}}} cannot be resolved: {REASONS[root]}"
            report.error("unresolved-reference", place, message, hint)


WITH_RESULT = ("container", "script", "data", "http", "plugin")


def publish(run: Run, resolved: Resolved, prefix: str, scope: Scope, gathered: bool = False) -> None:
    """Makes a step's outputs known, and the global ones among them.

    Args:
        run: the checks.
        resolved: what the step calls.
        prefix: the step, as references spell it (`steps.a`).
        scope: gets the variables.
        gathered: whether the step loops, so that its outputs are there as lists.
    """
    if not resolved.is_known:
        scope.open.add(prefix)
        return
    scope.names.update(f"{prefix}.{name}" for name in ("id", "startedAt", "finishedAt", "hostNodeName"))
    if resolved.callee is None:
        return
    template = resolved.callee.template
    if template.get("daemon"):
        scope.names.add(f"{prefix}.ip")
    containers = template.get("containerSet", {}).get("containers", ())
    main = any(container.get("name") == "main" for container in containers)
    if main or any(kind in template for kind in WITH_RESULT):
        scope.names.update((f"{prefix}.outputs.result", f"{prefix}.exitCode"))
    outputs = template.get("outputs", {})
    for plural in ("parameters", "artifacts"):
        scope.names.update(f"{prefix}.outputs.{plural}.{port.get('name', '')}" for port in outputs.get(plural, ()))
    run.publish(outputs, scope)
    if gathered:
        scope.names.add(f"{prefix}.outputs.parameters")
        if "script" in template or "containerSet" in template:
            scope.names.update((f"{prefix}.outputs.result", f"{prefix}.exitCode"))
