"""Functions of Python in the IR: their workflows are whole, and survive JSON."""

from __future__ import annotations

import pytest

from couler_plugins.engine_kit.legalize.python.functions import function_of, operation_of
from couler_plugins.engine_kit.legalize.python.pods import as_scripts, script_of
from couler_plugins.engine_kit.legalize.python.source import function_from_text
from couler_plugins.ir import Native, Operation, from_json, replace, to_json, verify
from engine_kit.legalize.python_workflows import COMPUTED, LITERAL_LOOPS, LOOPS, MIXED, NUMERIC, SAY

WORKFLOWS = {name: item.workflow for name, item in {**COMPUTED, **NUMERIC, **LITERAL_LOOPS, **LOOPS}.items()}
WORKFLOWS["mixed"] = MIXED
SAYS = operation_of(function_from_text(SAY), "say")


@pytest.mark.parametrize("name", list(WORKFLOWS))
def test_workflows_are_whole_and_survive_json(name: str) -> None:
    workflow = WORKFLOWS[name]
    assert list(verify(workflow)) == []
    again = from_json(to_json(workflow))
    assert again == workflow
    assert as_scripts(again, "argo") == as_scripts(workflow, "argo")


def test_what_is_no_function_stays() -> None:
    workflow = replace(MIXED, operations=tuple(item for item in MIXED.operations if item.kind != "python"))
    assert as_scripts(workflow, "argo") is workflow


@pytest.mark.parametrize(
    "operation",
    [
        replace(SAYS, kind="script"),
        replace(SAYS, native_extra=None),
        replace(SAYS, native_extra=Native.of({"operator": "PythonOperator"})),
        replace(SAYS, native_extra=Native.of({"python": {"function": "say", "inputs": {"text": "text"}}})),
        replace(SAYS, native_extra=Native.of({"python": {"function": "say", "more": 1}})),
        replace(SAYS, native_extra=Native.of({"python": {"function": 5}})),
        replace(SAYS, native_extra=Native.of([1])),
        replace(SAYS, containers=()),
        replace(SAYS, containers=(replace(SAYS.containers[0], script=None),)),
    ],
)
def test_other_forms_are_no_functions(operation: Operation) -> None:
    assert function_of(operation) is None


def test_a_program_holds_no_value_and_nothing_that_an_engine_replaces() -> None:
    function = function_from_text("def f(x: str = '{{x}}') -> str:\n    return x + '$(y) {{' + '$$'\n")
    (container,) = script_of(operation_of(function, "f"), function).containers
    program = str(getattr(container.script, "value", ""))
    assert not {"{{", "$(", "$$"} & {program[start : start + 2] for start in range(len(program))}
    plain = function_from_text("def f(x: str) -> str:\n    return x\n")
    (container,) = script_of(operation_of(plain, "f"), plain).containers
    assert "def f(x: str) -> str:\n    return x\n" in str(getattr(container.script, "value", ""))
