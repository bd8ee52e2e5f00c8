"""Reads and prints pipelines of optimizers, runs them, and holds each pass to the contract."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from couler_plugins.documents.collector import collector_paused
from couler_plugins.errors import CoulerError, InvalidInput, PluginFailure, one_line
from couler_plugins.hookspecs import Context, Optimizer
from couler_plugins.ir import Problem, Workflow, verify
from couler_plugins.options.fields import build, options_of, texts_of
from couler_plugins.options.grammar import Item, parse_items, print_items
from couler_plugins.plan import Decision, Plan
from couler_plugins.plugins import OPTIMIZERS, Plugins
from couler_plugins.plugins.discovery import optimizer_in_file

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pass:
    """What one optimizer of a pipeline did.

    Attributes:
        optimizer: its text.
        decisions: the decisions that it added.
        seconds: how long it took.
    """

    optimizer: str
    decisions: tuple[Decision, ...]
    seconds: float = field(default=0.0, compare=False)


class PipelineRun(msgspec.Struct, frozen=True):
    """What a pipeline made of a plan, pass by pass.

    Attributes:
        plan: the plan after all of them.
        passes: what each did.
        versions: the workflows as they came, then as each pass left them. Versions share all that is the same in them.
    """

    plan: Plan
    passes: tuple[Pass, ...]
    versions: tuple[tuple[Workflow, ...], ...]


def parse_pipeline(text: str, plugins: Plugins) -> tuple[Optimizer, ...]:
    """The optimizers that a text such as `dedupe,./mine.py:Mine,split{max-steps=200}` names; none where it is blank.

    Raises:
        InvalidInput: it does not follow the grammar, names an optimizer or option that there is not, or has optimizers
            in an order in which one would spoil what another has made.
        PluginFailure: it names an optimizer that two plugins have, or a file that fails.
    """
    named = [
        (item, optimizer_in_file(item.name) if ".py:" in item.name else plugins.get(OPTIMIZERS, item.name))
        for item in parse_items(text, "the pipeline")
    ]
    optimizers = tuple(build(cls, item.options, f"the optimizer {item.name!r}") for item, cls in named)
    check_order(optimizers)
    return optimizers


def check_order(optimizers: Sequence[Optimizer]) -> None:
    """Sees to it that each optimizer is before all that builds on what it makes.

    Raises:
        InvalidInput: one is not.
    """
    names = [optimizer.name for optimizer in optimizers]
    for place, optimizer in enumerate(optimizers):
        behind = getattr(optimizer, "before", ())
        early = next((number for number, name in enumerate(names[:place]) if name in behind), None)
        if early is not None:
            order = (*names[:early], optimizer.name, *names[early:place], *names[place + 1 :])
            raise InvalidInput(
                f"{optimizer.name!r} must come before {names[early]!r} in the pipeline, which uses its output",
                hint=f"put it first: {','.join(order)}",
            )


def assuming_pure(text: str) -> str:
    """The pipeline with `assume-pure` set for `cache`.

    Raises:
        InvalidInput: it does not follow the grammar, or has no `cache`.
    """
    items = parse_items(text, "the pipeline")
    if not any(item.name == "cache" for item in items):
        raise InvalidInput(
            "--assume-pure needs the optimizer cache, which is not in the pipeline", hint="add it: -p dedupe,cache"
        )
    option = ("assume-pure", ("true",))
    others = {item: tuple(given for given in item.options if given[0] != option[0]) for item in items}
    return print_items(Item(item.name, (*others[item], option)) if item.name == "cache" else item for item in items)


def print_optimizer(optimizer: Optimizer) -> str:
    """The text of one optimizer, with the options that are not at their defaults."""
    options = options_of(type(optimizer)).values()
    texts = {option.name: (texts_of(getattr(optimizer, option.field)), option.default) for option in options}
    return str(Item(optimizer.name, tuple((name, now) for name, (now, default) in texts.items() if now != default)))


def refuse_broken(plan: Plan, refuse: Callable[[int, CoulerError], object]) -> Plan:
    """The plan without the files in which a workflow has problems; each is handed to `refuse` with its error.

    Raises:
        InvalidInput: a workflow that comes from no file has problems.
    """
    broken: set[int] = set()
    for workflow in plan.workflows:
        problems = [*verify(workflow), *plan.libraries.problems(workflow)]
        if not problems:
            continue
        error = _problem_error(plan, workflow, problems)
        if workflow.source is None:
            raise error
        number = plan.bundle.file_numbers[int(workflow.source[0])]
        if number not in broken:
            refuse(number, error)
        broken.add(number)
    return plan.without(broken) if broken else plan


def run_pipeline(plan: Plan, optimizers: Sequence[Optimizer], ctx: Context, plugins: Plugins) -> PipelineRun:
    """Runs optimizers one after the other over workflows that are whole, and verifies what each gives back.

    Args:
        plan: the plan, all of whose workflows are whole (see `refuse_broken`).
        optimizers: what to run.
        ctx: what they may ask for.
        plugins: whose observers see the plan before and after each pass.

    Raises:
        PluginFailure: an optimizer failed, or gave back something that breaks the contract.
        CoulerError: what an optimizer raised on purpose.
    """
    passes: list[Pass] = []
    versions = [plan.workflows]
    with collector_paused():
        for optimizer in optimizers:
            ctx.progress(f"running {optimizer.name}")
            _observe(plugins, "couler_before_optimizer", name=optimizer.name, plan=plan)
            start = time.perf_counter()
            after = _run(optimizer, plan, ctx)
            seconds = time.perf_counter() - start
            if after is not plan:
                _check(optimizer.name, plan, after)
            _observe(plugins, "couler_after_optimizer", name=optimizer.name, before=plan, after=after)
            passes.append(Pass(print_optimizer(optimizer), after.decisions[len(plan.decisions) :], seconds))
            versions.append(after.workflows)
            plan = after
    return PipelineRun(plan, tuple(passes), tuple(versions))


def _run(optimizer: Optimizer, plan: Plan, ctx: Context) -> Plan:
    try:
        after: object = optimizer.run(plan, ctx)
    except CoulerError as error:
        if not getattr(optimizer, "is_command", False):  # nobody has put that into a pipeline
            error.message = f"the optimizer {optimizer.name!r}: {error.message}"
        raise
    except (Exception, SystemExit) as error:  # a plugin may call exit, which must not look like success
        log.info("the traceback of the optimizer %s:", optimizer.name, exc_info=error)
        raise _failure(optimizer.name, f"raised {one_line(error)}") from error
    if not isinstance(after, Plan):
        raise _failure(optimizer.name, f"returned {type(after).__name__}, not a Plan")
    return after


def _observe(plugins: Plugins, hook: str, **arguments: object) -> None:
    for reply in plugins.call(hook, **arguments):
        if reply.error is not None:
            log.warning("%s in the plugin %s failed: %s", hook, reply.plugin, one_line(reply.error))


def _check(name: str, before: Plan, after: Plan) -> None:
    if after.bundle is not before.bundle or after.originals is not before.originals:
        raise _failure(name, "replaced the bundle or the originals, which lowering compares with")
    count = len(before.decisions)
    if after.decisions[:count] != before.decisions:
        raise _failure(name, "dropped or changed decisions taken before it")
    decisions = after.decisions[count:]
    for decision in decisions:
        if decision.optimizer != name:
            raise _failure(name, f"wrote a decision in the name of {decision.optimizer!r}")
    explained = {decision.workflow for decision in decisions if decision.action}
    for old, new in _changes(before.workflows, after.workflows):
        labels = {workflow.label for workflow in (old, new) if workflow is not None}
        if not labels & explained:
            raise _failure(name, f"changed {min(labels)} without a decision that says so (with an action)")
        if new is not None and (problems := verify(new)):
            raise _failure(name, f"broke {new.label}: {problems[0].message}{_more(problems)}")


def _changes(
    before: Sequence[Workflow], after: Sequence[Workflow]
) -> Iterable[tuple[Workflow | None, Workflow | None]]:
    """The workflows that differ, as (before, after), paired by where they were read."""
    kept = {id(workflow) for workflow in after}
    gone = {_place(workflow): workflow for workflow in before if id(workflow) not in kept}
    had = {id(workflow) for workflow in before}
    for workflow in after:
        if id(workflow) not in had:
            old = gone.pop(_place(workflow), None)
            if old != workflow:
                yield old, workflow
    for old in gone.values():
        yield old, None


def _place(workflow: Workflow) -> object:
    return workflow.source if workflow.source is not None else workflow.label


def _problem_error(plan: Plan, workflow: Workflow, problems: Sequence[Problem]) -> InvalidInput:
    problem = problems[0]
    source = problem.source or workflow.source
    file: str | None = None
    line: int | None = None
    if source is not None:
        document = int(source[0])
        file = plan.bundle.file_of(document).name
        line = plan.bundle.documents[document].line_of(source[1:])
    return InvalidInput(
        f"{workflow.label}: {problem.message}{_more(problems)}",
        file=file,
        line=line,
        engine=workflow.engine,
        step=problem.subject,
        hint=problem.hint or None,
    )


def _more(problems: Sequence[Problem]) -> str:
    return f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""


def _failure(name: str, what: str) -> PluginFailure:
    return PluginFailure(
        f"the optimizer {name!r} {what}",
        hint="leave it out of the pipeline; report it to its author with what -v prints",
    )
