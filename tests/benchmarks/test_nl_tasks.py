"""The task set of generation: each oracle is a workflow, its properties hold, and the set is as wide as it says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import combinations, pairwise
from pathlib import Path

import msgspec
import pytest

from benchmarks.nl_properties import checks
from benchmarks.nl_taskset import ENGINES, FOLDER, Task, read_task, tasks
from couler_plugins.api import session
from couler_plugins.config import load_config
from couler_plugins.discovery import load_plugins
from couler_plugins.errors import Unsupported
from couler_plugins.ir import verify
from couler_plugins.nl.composition import compose
from couler_plugins.nl.form import Comparison, Form, FormStep, Given, Taken
from couler_plugins.nl.lowering import manifest
from couler_plugins.nl.references import waits_for
from couler_plugins.nl.scope import Scope
from couler_plugins.nl.validation import validate
from couler_plugins.nl.words import words

TASKS = tasks()
PLUGINS = load_plugins(load_config())
STEPS = PLUGINS.steps
URL = re.compile(r"^[a-z0-9]+://")


def failed(task: Task, form: Form) -> set[str]:
    """The properties that do not hold of a form whose steps are called as those of the oracle."""
    return {check.what for check in checks(task.properties, form, STEPS, named(form)) if not check.holds}


def named(form: Form) -> dict[str, str]:
    return {step.name: step.name for step in form.steps}


def changed(form: Form, change: Callable[[FormStep], FormStep]) -> Form:
    return msgspec.structs.replace(form, steps=tuple(map(change, form.steps)))


@pytest.mark.parametrize("name", TASKS)
def test_an_oracle_is_a_workflow_of_which_its_properties_hold(name: str) -> None:
    task = TASKS[name]
    assert task.oracle.name == name
    assert [str(problem) for problem in validate(task.oracle, STEPS)] == []
    assert failed(task, task.oracle) == set()
    assert verify(compose(task.oracle, STEPS)) == []


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", TASKS)
def test_an_oracle_is_lowered_to_the_engines_that_it_names_and_refused_by_the_others(name: str, engine: str) -> None:
    task = TASKS[name]
    form = task.oracle
    given = {item.name: item for item in (Given(name="store"), *form.inputs)}
    values = tuple(msgspec.structs.replace(item, value=item.value or "s3://some/thing") for item in given.values())
    workflow = compose(msgspec.structs.replace(form, inputs=values), STEPS)
    work = session(load_config(), PLUGINS, to=engine)
    if engine in task.engines:
        made = manifest(workflow, work)
        assert [str(finding) for finding in made.findings if finding.severity == "error"] == []
        assert name in made.text
    else:
        with pytest.raises(Unsupported):
            manifest(workflow, work)


@pytest.mark.parametrize("name", TASKS)
def test_a_description_says_what_its_oracle_is_made_of(name: str) -> None:
    task = TASKS[name]
    constants = [taken.value for step in task.oracle.steps for taken in step.inputs]
    constants += [item for step in task.oracle.steps for item in (step.over if isinstance(step.over, tuple) else ())]
    constants += [step.image for step in task.oracle.steps if step.image]
    places = {text for text in constants if isinstance(text, str) and (URL.match(text) or ".example." in text)}
    assert [text for text in sorted(places) if text not in task.description] == []
    assert task.also.keys() <= {step.name for step in task.oracle.steps}


def test_files_are_read_strictly(tmp_path: Path) -> None:
    text = (FOLDER / "churn-gate.yaml").read_text(encoding="utf-8")
    path = tmp_path / "churn-gate.yaml"
    for wrong in (
        text + "note: more\n",
        text.replace("steps: 5", "steps: five"),
        text.replace("waits:", "wait:"),
        text.replace("use: load-csv", "uses: load-csv"),
        text.replace("difficulty: easy", "difficulty: simple"),
        text.replace("domain: churn\n", ""),
    ):
        assert wrong != text
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(msgspec.ValidationError):
            read_task(path)


def test_descriptions_have_little_in_common() -> None:
    said = {name: set(words(task.description)) for name, task in TASKS.items()}
    close = {pair for pair in combinations(said, 2) if _alike(said[pair[0]], said[pair[1]]) > 0.5}
    assert close == set()


def _alike(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other)


def test_the_set_is_wide() -> None:
    oracles = [task.oracle for task in TASKS.values()]
    steps = [step for oracle in oracles for step in oracle.steps]
    sizes = [len(oracle.steps) for oracle in oracles]
    assert len(TASKS) >= 60
    assert (min(sizes), max(sizes)) == (2, 14)
    assert len({task.domain for task in TASKS.values()}) >= 35
    assert min(Counter(task.difficulty for task in TASKS.values()).values()) >= 15

    def holding(holds: Callable[[Task], object]) -> int:
        return sum(bool(holds(task)) for task in TASKS.values())

    assert holding(lambda task: task.properties.fans_out) >= 20
    assert holding(lambda task: None in task.properties.fans_out.values()) >= 4
    assert holding(lambda task: task.properties.conditional) >= 20
    assert holding(lambda task: task.properties.exclusive) >= 8
    assert holding(lambda task: task.properties.retries) >= 5
    assert holding(lambda task: task.properties.inputs) >= 4
    assert holding(lambda task: task.properties.outputs) >= 2
    assert holding(lambda task: any(len(group) > 2 for group in task.properties.parallel)) >= 5
    assert holding(lambda task: any(step.needs for step in task.oracle.steps)) >= 30
    assert holding(lambda task: any(len(waits_for(step)) > 1 for step in task.oracle.steps)) >= 30
    assert holding(lambda task: {step.use for step in task.oracle.steps} <= {"container", "python"}) >= 5
    assert holding(lambda task: not {step.use for step in task.oracle.steps} & {"container", "python"}) >= 10
    assert len({step.use for step in steps} - {"container", "python"}) >= 25


def test_of_steps_that_only_bear_the_names_little_holds() -> None:
    for task in TASKS.values():
        form = msgspec.structs.replace(
            changed(task.oracle, lambda step: FormStep(name=step.name, use="container")),
            inputs=(*task.oracle.inputs, Given(name="more")),
            outputs=(*task.oracle.outputs, Taken(name="more", source="inputs.more")),
        )
        said = {check.what for check in checks(task.properties, task.oracle, STEPS, named(task.oracle))}
        held = {f"{task.properties.steps} steps", *(f"{name} always runs" for name in task.properties.always)}
        held |= {f"{one} beside {other}" for group in task.properties.parallel for one, other in combinations(group, 2)}
        kept = {f"says {value}" for value in task.properties.values} & (said - failed(task, form))
        assert failed(task, form) == said - held - kept
        assert kept <= {f"says {item.value}" for item in task.oracle.inputs}


def test_steps_in_a_row_are_not_beside_each_other() -> None:
    for task in TASKS.values():
        order = Scope(task.oracle, STEPS).order
        before = dict(pairwise(reversed(order)))
        form = changed(
            task.oracle,
            lambda step, before=before: msgspec.structs.replace(
                step, needs=(*step.needs, *filter(None, [before.get(step.name)]))
            ),
        )
        besides = {
            f"{one} beside {other}" for group in task.properties.parallel for one, other in combinations(group, 2)
        }
        assert {what for what in failed(task, form) if not what.endswith("always runs")} == besides


def test_conditions_everywhere_leave_nothing_that_always_runs() -> None:
    when = Comparison(left="inputs.x", op="==", right="yes")
    for task in TASKS.values():
        form = changed(task.oracle, lambda step: msgspec.structs.replace(step, when=when))
        assert {f"{name} always runs" for name in task.properties.always} <= failed(task, form)
        assert {f"{one} or {other}" for one, other in task.properties.exclusive} <= failed(task, form)


def test_more_steps_items_and_retries_are_too_many() -> None:
    for task in TASKS.values():
        over = {name for name, count in task.properties.fans_out.items() if count}

        def more(step: FormStep) -> FormStep:
            items = (*step.over, "more") if isinstance(step.over, tuple) else step.over
            return msgspec.structs.replace(step, over=items, retries=step.retries + 1)

        form = changed(task.oracle, more)
        form = msgspec.structs.replace(form, steps=(*form.steps, FormStep(name="more", use="container")))
        expected = {f"{name} fans out" for name in over} | {
            f"{name} is tried again" for name in task.properties.retries
        }
        assert failed(task, form) == {f"{task.properties.steps} steps", *expected}


def test_where_no_step_stands_for_one_nothing_holds_of_it() -> None:
    for task in TASKS.values():
        held = {check.what for check in checks(task.properties, task.oracle, STEPS, {}) if check.holds}
        assert all(re.match(r"\d+ (steps|inputs|outputs)$|uses |says ", what) for what in held)
