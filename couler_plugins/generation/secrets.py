"""Keys of Secrets for the steps of a form: whoever asks for the workflow names them, and no model does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from couler_plugins.errors import InvalidInput, closest, restating
from couler_plugins.generation.form import Form, FormStep, Taken
from couler_plugins.hookspecs import CatalogueStep, StepVariable
from couler_plugins.steps.containers import secret_keys

INPUT = "secrets"
"""Of every ready-made step that runs in a container."""


def with_secrets(form: Form, catalogue: Mapping[str, CatalogueStep], secrets: Iterable[str]) -> Form:
    """A form whose steps get variables from Secrets.

    Args:
        form: the workflow.
        catalogue: the ready-made steps that it uses.
        secrets: texts such as `DATABASE_URL=warehouse/url`, for every step that reads the variable, or
            `load:AWS_SECRET_ACCESS_KEY=s3/key`, for the step `load`.

    Raises:
        InvalidInput: a text is not of that form, or nothing reads the variable, or there is no such step.
    """
    pairs_of: dict[str, list[str]] = {}
    for text in secrets:
        step, colon, pair = text.partition(":")
        if not colon or "=" in step:
            step, pair = "", text
        variable = _variable(pair)
        for reader in [_named(form, catalogue, step)] if step else _readers(form, catalogue, variable):
            pairs_of.setdefault(reader, []).append(pair)
    steps = tuple(_with(step, pairs_of[step.name]) if step.name in pairs_of else step for step in form.steps)
    return msgspec.structs.replace(form, steps=steps)


def _variable(pair: str) -> str:
    name, _, _ = pair.partition("=")
    with restating(  # the message quotes the text, and that may be the secret itself
        InvalidInput,
        f"--secret {name!r:.60} names no key of a Secret",
        reason=False,
        hint="write VARIABLE=SECRET/KEY: what is secret is in the Secret, and never in a workflow",
    ):
        secret_keys("", [pair])
    return name


def missing(form: Form, catalogue: Mapping[str, CatalogueStep]) -> Iterator[tuple[str, StepVariable]]:
    """Steps with the variables that they need, and that no Secret gives them."""
    for step in form.steps:
        inputs = {taken.name for taken in step.inputs}
        had = secret_keys(step.name, _texts(step))
        yield from (
            (step.name, variable)
            for variable in _variables(step, catalogue)
            if variable.name not in had and variable.instead not in inputs and not variable.optional
        )


def _readers(form: Form, catalogue: Mapping[str, CatalogueStep], variable: str) -> list[str]:
    read = {step.name: [item.name for item in _variables(step, catalogue)] for step in form.steps}
    readers = [step for step, names in read.items() if variable in names]
    if not readers:
        existing = dict.fromkeys(name for names in read.values() for name in names)
        hint = closest(variable, existing) or (f"its steps read {', '.join(existing)}; " if existing else "")
        hint = hint if hint.endswith("?") else f"{hint}name a step for any other: STEP:{variable}=SECRET/KEY"
        raise InvalidInput(f"no step of the workflow is known to read the variable {variable!r}", hint=hint)
    return readers


def _named(form: Form, catalogue: Mapping[str, CatalogueStep], name: str) -> str:
    steps = {step.name: step for step in form.steps}
    if name not in steps:
        hint = closest(name, steps) or f"its steps are {', '.join(steps)}"
        raise InvalidInput(f"the workflow has no step {name!r}", hint=hint)
    entry = catalogue.get(steps[name].use)
    if entry is None or all(item.name != INPUT for item in entry.inputs):
        message = f"the step {name!r} uses {steps[name].use!r}, which takes nothing from Secrets"
        raise InvalidInput(message, step=name, hint="write it in Python: --format python, then secret=obtain_secret(…)")
    return name


def _variables(step: FormStep, catalogue: Mapping[str, CatalogueStep]) -> tuple[StepVariable, ...]:
    return getattr(catalogue.get(step.use), "variables", ())  # a step that reads none need not say so


def _texts(step: FormStep) -> tuple[str, ...]:
    value = next((taken.value for taken in step.inputs if taken.name == INPUT), None)
    return tuple(map(str, value if isinstance(value, tuple) else () if value is None else (value,)))


def _with(step: FormStep, pairs: Iterable[str]) -> FormStep:
    others = tuple(taken for taken in step.inputs if taken.name != INPUT)
    step_input = Taken(name=INPUT, value=tuple(dict.fromkeys((*_texts(step), *pairs))))
    return msgspec.structs.replace(step, inputs=(*others, step_input))
