"""Checks of one step of a form: what it uses, what it is given, and what it is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from couler_plugins.errors import InvalidInput, closest
from couler_plugins.generation.form import CODE, ITEM, Code, FormStep, Problem, Taken
from couler_plugins.generation.scope import VALUES_OWN, Scope, read_function, read_reference, reads
from couler_plugins.generation.types import converted, fits
from couler_plugins.hookspecs.steps import StepInput

PLACEHOLDER = re.compile(r"\{\{\s*(inputs|outputs)\.([A-Za-z0-9_-]+)\s*\}\}")
"""What stands for an input or an output in the command of a container."""

NUMBERS = {"<", "<=", ">", ">="}
MOST_ITEMS = 256
"""Of a fan-out: what every engine takes."""


def step_problems(step: FormStep, scope: Scope) -> Iterator[Problem]:
    """What is wrong with a step."""
    if step.use not in CODE and scope.entry(step) is None:
        hint = closest(step.use, (*scope.catalogue, *CODE)) or "choose a name of the catalogue, python or container"
        yield _problem(step, "unknown-step", f"there is nothing called {step.use!r} to use", hint)
        return
    yield from _inputs(step, scope)
    yield from _constants(step)
    for place, text in reads(step):
        if place != "over" or text != ITEM:
            yield from reference_problem(text, scope, step, place)
    yield from _when(step)
    yield from _fan_out(step, scope)
    yield from _body(step)


def _inputs(step: FormStep, scope: Scope) -> Iterator[Problem]:
    declared = scope.declared(step)
    names = [taken.name for taken in step.inputs]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield _problem(step, "duplicate-name", f"the input {name!r} is given twice", "give it once")
    for step_input in step.inputs:
        if (not step_input.sources) == (step_input.value is None):
            message = f"the input {step_input.name!r} has to have either a value or a 'from'"
            yield _problem(step, "bad-value", message, "give one of the two")
        elif step.use not in CODE and step_input.name not in declared:
            inputs_text = f"its inputs are {', '.join(declared)}" if declared else "it has no inputs"
            hint = " ".join(filter(None, (closest(step_input.name, declared), inputs_text)))
            yield _problem(step, "unknown-input", f"{step.use!r} has no input {step_input.name!r}", hint)
        else:
            yield from _type(step, step_input, scope)
    for item in declared.values() if step.use not in CODE else ():
        if item.required and item.name not in names:
            message = f"{step.use!r} needs the input {item.name!r}"
            yield _problem(step, "missing-input", message, f"give it: {item.description}")


def _constants(step: FormStep) -> Iterator[Problem]:
    """No text of a form reaches what an engine knows (its secrets, its variables) by the engine's own placeholders."""
    values: list[object] = [taken.value for taken in step.inputs]
    values += step.over if isinstance(step.over, tuple) else []
    values += [step.when.right] if step.when is not None else []
    flat = chain.from_iterable(value if isinstance(value, tuple) else (value,) for value in values)
    for match in (found for value in flat if isinstance(value, str) and (found := VALUES_OWN.search(value))):
        remedy = "write the value itself, or a reference in 'from'"
        yield _problem(step, "bad-value", f"a value holds {match[0]!r}, which engines take for a placeholder", remedy)


def _type(step: FormStep, step_input: Taken, scope: Scope) -> Iterator[Problem]:
    """Whether what an input takes is of its type. References that lead nowhere are somebody else's."""
    item = scope.declared(step).get(step_input.name)
    if item is None:
        return
    if step_input.source is not None and item.constant:
        message = f"the input {step_input.name!r} has to be known when the workflow is written"
        yield _problem(step, "wrong-type", message, "give it a value")
        return
    if isinstance(step_input.source, tuple):
        yield from _several(step, step_input, item, scope)
        return
    reference = read_reference(step_input.source) if step_input.source is not None else None
    if reference is not None and not fits(source_type := scope.type_of(reference), item.type):
        message = f"the input {step_input.name!r} takes a {item.type}, and {step_input.source!r} is a {source_type}"
        yield _problem(step, "wrong-type", message, f"give it a {item.type}: {item.description}")
        return
    values: tuple[object, ...] = (step_input.value,) if step_input.source is None else ()
    if reference is not None and reference.is_item:
        values = step.over if isinstance(step.over, tuple) else ()
    elif reference is not None and reference.is_input and (form_input := scope.inputs.get(reference.name)) is not None:
        values = () if form_input.value is None else (form_input.value,)
    for value in values:
        try:
            plain = converted(value, item.type)
        except ValueError as error:
            message = f"the input {step_input.name!r} takes a {item.type}: {error}"
            yield _problem(step, "wrong-type", message, f"give it a {item.type}: {item.description}")
            return
        if item.choices and str(plain) not in item.choices:
            message = f"the input {step_input.name!r} is {str(plain)!r:.60}"
            yield _problem(step, "wrong-type", message, f"choose one of {', '.join(item.choices)}")
            return


def _several(step: FormStep, step_input: Taken, item: StepInput, scope: Scope) -> Iterator[Problem]:
    """Several references make a list of texts."""
    if item.type != "list":
        message = f"the input {step_input.name!r} takes a {item.type}, and 'from' is a list"
        yield _problem(step, "wrong-type", message, f"give it one {item.type}: {item.description}")
    for text in step_input.sources:
        reference = read_reference(text)
        if reference is not None and scope.type_of(reference) == "list":
            message = f"the input {step_input.name!r} takes a list, and {text!r} in it is a list itself"
            yield _problem(step, "wrong-type", message, "read that list, or single values")


def reference_problem(text: str, scope: Scope, step: FormStep | None, place: str) -> Iterator[Problem]:
    """What is wrong with a reference, whatever reads it."""

    def problem(code: Code, message: str, remedy: str) -> Problem:
        return Problem(code=code, step=step.name if step is not None else "", message=message, remedy=remedy)

    reference = read_reference(text)
    if reference is None:
        remedy = "write step.output, inputs.name or item; what is meant literally is a value"
        yield problem("dangling-reference", f"{place} refers to {text!r:.80}, which is no reference", remedy)
    elif reference.is_item:
        if step is None or step.over is None or not place.startswith("input"):
            message = f"{place} refers to the item of a fan-out, and there is none"
            yield problem("dangling-reference", message, "give the step 'over', or read something else")
    elif reference.is_input:
        if reference.name not in scope.inputs:
            remedy = closest(reference.name, scope.inputs) or "add it to the workflow's inputs"
            yield problem("dangling-reference", f"{place} refers to {text!r}, which no run is given", remedy)
    elif (producer := scope.steps.get(reference.step)) is None:
        remedy = closest(reference.step, scope.steps) or f"the steps are {', '.join(scope.steps)}"
        yield problem("dangling-reference", f"{place} refers to a step {reference.step!r}, which is not there", remedy)
    elif producer.use not in CODE and scope.entry(producer) is None:
        return  # what it gives shows once it uses something that is there
    elif reference.name not in (outputs := scope.outputs(producer)):
        outputs_text = f"it gives {', '.join(outputs)}" if outputs else "it gives nothing: use 'needs' to wait for it"
        remedy = " ".join(filter(None, (closest(reference.name, outputs), outputs_text)))
        message = f"{place} refers to {reference.name!r} of {reference.step!r}, which does not give it"
        yield problem("dangling-reference", message, remedy)
    elif producer.over is not None:
        message = f"{place} reads {text!r}, of which each run of the fan-out gives its own"
        remedy = "wait for it by 'needs', and let both use one place that they are told"
        yield problem("fan-out-read", message, remedy)


def _when(step: FormStep) -> Iterator[Problem]:
    if step.when is None:
        return
    if step.when.left == ITEM:
        message = "'when' refers to the item of the fan-out, and decides for the step as a whole"
        yield _problem(step, "dangling-reference", message, "leave the items out for which it would not hold")
    if step.when.op in NUMBERS:
        try:
            converted(step.when.right, "float")
        except ValueError:
            message = f"'when' compares by {step.when.op!r} with {step.when.right!r:.60}, which is no number"
            yield _problem(step, "wrong-type", message, "compare with a number, or by == or !=")


def _fan_out(step: FormStep, scope: Scope) -> Iterator[Problem]:
    if step.over is None:
        return
    if not any(ITEM in taken.sources for taken in step.inputs):
        message = "it has 'over', and no input takes the item: all its runs would do the same"
        yield _problem(step, "unused-item", message, 'add {"name": …, "from": "item"} to its inputs, or take over out')
    if isinstance(step.over, tuple):
        if not step.over or len(step.over) > MOST_ITEMS:
            yield _problem(step, "bad-value", f"'over' has {len(step.over)} items", f"give 1 to {MOST_ITEMS}")
    elif (reference := read_reference(step.over)) is not None and not fits(scope.type_of(reference), "list"):
        message = f"'over' reads {step.over!r}, which is no list"
        yield _problem(step, "wrong-type", message, "list the items, or read a list")


def _body(step: FormStep) -> Iterator[Problem]:
    """What only steps have that say themselves what they do."""
    allowed = {"python": {"code", "outputs"}, "container": {"image", "command", "outputs"}}.get(step.use, set())
    for name in ("code", "image", "command", "outputs"):
        if getattr(step, name) and name not in allowed:
            remedy = "leave it out" if step.use in CODE else f"leave it out: {step.use!r} says it itself"
            yield _problem(step, "misplaced-field", f"it has {name!r}, which {step.use!r} does not take", remedy)
    for name in dict.fromkeys(name for name in step.outputs if step.outputs.count(name) > 1):
        yield _problem(step, "duplicate-name", f"the output {name!r} is given twice", "give it once")
    if step.use == "python":
        try:
            read_function(step.code, [taken.name for taken in step.inputs], step.outputs)
        except InvalidInput as error:
            place = f"line {error.line}: " if error.line is not None else ""
            message = f"its code cannot be used: {place}{error.message}"
            yield _problem(step, "bad-code", message, error.hint or "write one function")
    if step.use == "container":
        yield from _command(step)


def _command(step: FormStep) -> Iterator[Problem]:
    if not step.image.strip() or any(char.isspace() for char in step.image):
        yield _problem(step, "bad-command", f"{step.image!r:.60} is no image", "name one: python:3.12-slim")
    if not step.command:
        yield _problem(step, "bad-command", "it has no command", "give the program and its arguments, one text each")
    names = {"inputs": {taken.name for taken in step.inputs}, "outputs": set(step.outputs)}
    for what, name in chain.from_iterable(PLACEHOLDER.findall(text) for text in step.command):
        if name not in names[what]:
            message = f"its command has a placeholder for {name!r}, which is not among its {what}"
            yield _problem(step, "bad-command", message, f"add it to its {what}, or take it out")
    if any("{{" in PLACEHOLDER.sub("", text) or "}}" in PLACEHOLDER.sub("", text) for text in step.command):
        message = "its command has double braces that are no placeholder"
        yield _problem(step, "bad-command", message, "write {{inputs.name}} or {{outputs.name}}")


def _problem(step: FormStep, code: Code, message: str, remedy: str) -> Problem:
    return Problem(code=code, step=step.name, message=message, remedy=remedy)
