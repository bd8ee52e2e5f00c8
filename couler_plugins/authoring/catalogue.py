"""Ready-made steps in authored workflows: those of the built-in catalogue, and those of plugins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from couler_plugins.authoring.checks import checked_json, checked_name
from couler_plugins.authoring.operations import limits
from couler_plugins.authoring.places import said_where, shown
from couler_plugins.authoring.recording import recorder, whole
from couler_plugins.authoring.steps import written_step
from couler_plugins.authoring.values import Returned, RunValue, as_value
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs import CatalogueStep
from couler_plugins.ir import Literal, replace
from couler_plugins.options.config import load_config
from couler_plugins.plugins import STEPS, load_plugins

HINT = 'name one: run_step("load-csv", url=…)'


@said_where
@whole
def run_step(
    step: str | CatalogueStep,
    step_name: str | None = None,
    retry: int | None = None,
    timeout: int | None = None,
    **inputs: Any,
) -> Returned:
    """A step that is ready-made.

    Args:
        step: its name, or the step itself.
        step_name: what to call it here; the step's own name unless given.
        retry: how often it is tried again after a failure.
        timeout: seconds that it may take.
        inputs: what it is given, with `_` for `-` in the names: `test_share=0.2`.

    Returns:
        What it gives, by name: `run_step("split-train-test", …)["train"]`.

    Raises:
        InvalidInput: there is no such step, or an input is missing, unknown, or of another type.
    """
    work = recorder()
    entry = (
        load_plugins(load_config()).get(STEPS, checked_name(step, "the step", HINT)) if isinstance(step, str) else step
    )
    if not hasattr(entry, "build"):
        raise InvalidInput(f"{shown(step)} is no ready-made step", hint=HINT)
    built = entry.build({name.replace("_", "-"): _given(value, name) for name, value in inputs.items()})
    passed: Mapping[str, Any] = {argument.name: argument.value for argument in built.arguments}
    attempts, seconds = limits(timeout, retry)
    operation = replace(
        built.operation,
        name="",
        inputs=tuple(replace(port, value=passed.get(port.name, port.value)) for port in built.operation.inputs),
        retry=attempts or built.operation.retry,
        timeout=seconds or built.operation.timeout,
    )
    work.parameters.update(dict.fromkeys(built.parameters))
    return written_step(entry.name if step_name is None else step_name, operation, is_named=step_name is not None)


def _given(content: Any, name: str) -> Any:
    """What the run knows as the IR has it; all else is Python's own."""
    if isinstance(content, RunValue):
        return as_value(content, name)
    if isinstance(content, (list, tuple)):
        return [_given(item, name) for item in content]
    if isinstance(content, str):
        value = as_value(content, name)
        return content if isinstance(value, Literal) else value
    return checked_json(content, name, "give texts, numbers, lists of these, or what a step returned")
