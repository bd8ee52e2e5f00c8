"""Checks a form against a catalogue: always the same problems, in the same order, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

from couler_plugins.errors import closest
from couler_plugins.generation.form import ITEM, WORKFLOW, Form, FormStep, Problem
from couler_plugins.generation.scope import VALUES_OWN, Scope, read_reference, waits_for
from couler_plugins.generation.step_checks import reference_problem, step_problems
from couler_plugins.hookspecs import CatalogueStep

MOST_STEPS = 200
"""More than a model writes; what checks cost stays small."""

OPPOSITES = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def validate(form: Form, catalogue: Mapping[str, CatalogueStep], most: int = MOST_STEPS) -> list[Problem]:
    """All that keeps a form from being a workflow; empty where nothing does.

    Args:
        form: the workflow.
        catalogue: the ready-made steps.
        most: how many steps it may have.
    """
    if not form.steps:
        return [Problem(code="empty", message="the workflow has no steps", remedy="write at least one")]
    if len(form.steps) > most:
        message = f"the workflow has {len(form.steps)} steps"
        return [Problem(code="bad-value", message=message, remedy=f"write at most {most}")]
    scope = Scope(form, catalogue)
    problems = [*_names(form)]
    for step in form.steps:
        problems += _needs(step, scope)
        problems += step_problems(step, scope)
    if scope.cycle:
        path = " → ".join(scope.cycle)
        message = f"steps wait for each other: {path}"
        problems.append(Problem(code="cycle", message=message, remedy="take one of these needs or references out"))
    problems += _unreachable(scope)
    problems += _outputs(scope)
    return problems


def _names(form: Form) -> Iterator[Problem]:
    names = [step.name for step in form.steps]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        message = f"{names.count(name)} steps are called {name!r}"
        yield Problem(code="duplicate-name", step=name, message=message, remedy="give each a name of its own")
    for name in (name for name in dict.fromkeys(names) if name in (WORKFLOW, ITEM)):
        message = f"{name!r} means something else in references"
        yield Problem(code="reserved-name", step=name, message=message, remedy="give the step another name")
    for form_input in form.inputs:
        if isinstance(form_input.value, str) and (match := VALUES_OWN.search(form_input.value)):
            message = f"the input {form_input.name!r} holds {match[0]!r}, which engines take for a placeholder"
            yield Problem(code="bad-value", message=message, remedy="write the value itself")
    for what, ports in (("inputs", form.inputs), ("outputs", form.outputs)):
        own = [port.name for port in ports]
        for name in dict.fromkeys(name for name in own if own.count(name) > 1):
            message = f"two {what} of the workflow are called {name!r}"
            yield Problem(code="duplicate-name", message=message, remedy="give each a name of its own")


def _needs(step: FormStep, scope: Scope) -> Iterator[Problem]:
    for name in dict.fromkeys(step.needs):
        if name not in scope.steps:
            remedy = closest(name, scope.steps) or f"the steps are {', '.join(scope.steps)}"
            message = f"it needs a step {name!r}, which is not there"
            yield Problem(code="dangling-reference", step=step.name, message=message, remedy=remedy)


def _unreachable(scope: Scope) -> Iterator[Problem]:
    """Steps that wait for two of which only one ever runs: who joins branches has to need what is before them."""
    hopeless: set[str] = set()
    for name in scope.order:
        conditions = scope.conditions[name]
        if hopeless.intersection(waits_for(scope.steps[name])):
            hopeless.add(name)  # said once, of the first
        elif pair := _contradiction(conditions):
            hopeless.add(name)
            message = f"it runs only where {pair[0]} and {pair[1]} hold, which is never"
            remedy = "wait for one of the branches, or for the step before them"
            yield Problem(code="unreachable-step", step=name, message=message, remedy=remedy)


def _contradiction(conditions: Iterable[tuple[str, str, str]]) -> tuple[str, str] | None:
    """Two comparisons of one value that never hold together."""
    for (left, op, right), (other, how, what) in combinations(sorted(conditions), 2):
        is_other_text = op == how == "==" and right != what
        if left == other and (is_other_text or (OPPOSITES[op] == how and right == what)):
            return f"{left} {op} {right}", f"{other} {how} {what}"
    return None


def _outputs(scope: Scope) -> Iterator[Problem]:
    for output in scope.form.outputs:
        place = f"the workflow's output {output.name!r}"
        if not isinstance(output.source, str) or output.value is not None:
            remedy = "give it a 'from': step.output"
            yield Problem(code="bad-value", message=f"{place} is no reference", remedy=remedy)
            continue
        problems = [*reference_problem(output.source, scope, None, place)]
        yield from problems
        reference = read_reference(output.source)
        if not problems and reference is not None and not reference.is_input and scope.conditions.get(reference.step):
            message = f"{place} is of {reference.step!r}, which does not run in every run"
            remedy = "give out what a step gives that always runs, or leave it out"
            yield Problem(code="unreachable-output", message=message, remedy=remedy)
