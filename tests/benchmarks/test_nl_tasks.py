"""The task set of generation: each oracle is a workflow, its properties hold, and the set is as wide as it says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import combinations, pairwise
from pathlib import Path

import msgspec
import pytest

from benchmarks.nl_scoring import edges, is_equal, plugins, takers
from benchmarks.nl_task import TASKS, Task, failed, tasks
from couler_plugins.generation.composition import compose
from couler_plugins.generation.form import CODE, Comparison, Form, FormStep
from couler_plugins.generation.retrieval import words
from couler_plugins.generation.scope import Scope, waits_for
from couler_plugins.generation.validation import validate
from couler_plugins.ir import verify
from couler_plugins.plugins import registry

SET = {task.name: task for task in tasks()}
STEPS = plugins().all(registry.STEPS)

LEVELS, FIELDS = {"easy", "medium", "hard"}, {"ml", "data", "ops"}
PLACE = re.compile(r"[a-z0-9]+://|[a-z0-9.-]+\.example\.")


def changed(form: Form, change: Callable[[FormStep], FormStep]) -> Form:
    return msgspec.structs.replace(form, steps=tuple(map(change, form.steps)))


def lost(task: Task, change: Callable[[FormStep], FormStep], **more: object) -> set[str]:
    """The properties of an oracle that go with a change of each of its steps."""
    return set(failed(task, msgspec.structs.replace(changed(task.oracle, change), **more)))


def said(task: Task, word: str) -> set[str]:
    """The pairs of one kind of property, as they are told of."""
    pairs = {"before": task.properties.before, "beside": task.properties.beside, "or": task.properties.exclusive}
    return {f"{one} {word} {other}" for one, other in pairs[word]}


@pytest.mark.slow
@pytest.mark.parametrize("name", SET)
def test_the_right_workflow_of_a_task_is_right(name: str) -> None:
    task = SET[name]
    assert task.oracle.name == name
    assert [str(problem) for problem in validate(task.oracle, STEPS)] == []
    assert failed(task, task.oracle) == []
    assert verify(compose(task.oracle, STEPS)) == []
    assert takers(task.oracle, STEPS) == task.engines, "the others refuse it"
    needs = {(before, step.name) for step in task.oracle.steps for before in step.needs}
    assert needs <= edges(task.oracle), "a need that follows from the others"


@pytest.mark.parametrize("name", SET)
def test_a_description_says_what_its_oracle_is_made_of(name: str) -> None:
    task = SET[name]
    texts = [step.image for step in task.oracle.steps]
    for step in task.oracle.steps:
        texts += [str(taken.value) for taken in step.inputs]
        texts += map(str, step.over) if isinstance(step.over, tuple) else []
    missing = [text for text in dict.fromkeys(texts) if PLACE.match(text) and text not in task.description]
    assert missing == []
    assert [use for use in STEPS if "-" in use and use in task.description] == []
    for step in task.oracle.steps:
        name_of_program = next((word for word in step.command if word.isalpha()), "")
        assert name_of_program in task.description


@pytest.mark.parametrize("name", SET)
def test_tags_are_those_of_the_oracle(name: str) -> None:
    task = SET[name]
    steps = task.oracle.steps
    ancestors = Scope(task.oracle, STEPS).ancestors
    direct = {
        step.name: {one for one in waits_for(step) if not any(one in ancestors[other] for other in waits_for(step))}
        for step in steps
    }
    after = Counter(one for before in direct.values() for one in before)
    roots = sum(not before for before in direct.values())
    is_branching = roots > 1 or any(count > 1 for count in after.values())
    given = {
        "chain": not is_branching,
        "branch": is_branching,
        "fan-in": any(len(before) > 1 for before in direct.values()),
        "condition": any(step.when is not None for step in steps),
        "fan-out": any(step.over is not None for step in steps),
        "retries": any(step.retries for step in steps),
        "inputs": bool(task.oracle.inputs),
        "python": any(step.use == "python" for step in steps),
        "container": any(step.use == "container" for step in steps),
        "order": any(step.needs for step in steps),
    }
    assert len(set(task.tags)) == len(task.tags)
    assert len(LEVELS & {*task.tags}) == len(FIELDS & {*task.tags}) == 1
    assert {*task.tags} - LEVELS - FIELDS == {tag for tag, is_there in given.items() if is_there}


def test_files_are_read_strictly(tmp_path: Path) -> None:
    text = (TASKS / "daily-scoring.yaml").read_text(encoding="utf-8")
    for wrong in (
        text + "note: more\n",
        text.replace("steps: 4", "steps: four"),
        text.replace("before:", "prior:"),
        text.replace("use: load-csv", "uses: load-csv"),
        re.sub("^tags.*\n", "", text, flags=re.MULTILINE),
        text.replace("oracle:", "oracle: ["),
    ):
        assert wrong != text
        (tmp_path / "daily-scoring.yaml").write_text(wrong, encoding="utf-8")
        with pytest.raises(ValueError, match=r"daily-scoring\.yaml is no task"):
            tasks(tmp_path)


def test_descriptions_have_little_in_common() -> None:
    spoken = {name: set(words(task.description)) for name, task in SET.items()}
    shares = {
        (one, other): len(spoken[one] & spoken[other]) / len(spoken[one] | spoken[other])
        for one, other in combinations(spoken, 2)
    }
    assert {pair for pair, share in shares.items() if share > 0.35} == set()


def test_no_two_graphs_are_the_same() -> None:
    pairs = combinations(SET, 2)
    assert [(one, other) for one, other in pairs if is_equal(SET[one].oracle, SET[other].oracle)] == []


def test_the_set_is_wide() -> None:
    tags = Counter(tag for task in SET.values() for tag in task.tags)
    sizes = Counter(len(task.oracle.steps) for task in SET.values())
    uses = {step.use for task in SET.values() for step in task.oracle.steps}
    assert len(SET) >= 70
    assert (min(sizes), max(sizes)) == (2, 14)
    assert sum(count for size, count in sizes.items() if size >= 9) >= 8
    least = {"easy": 15, "medium": 25, "hard": 25, "ml": 35, "data": 20, "ops": 10, "chain": 25, "branch": 40}
    least |= {"fan-in": 25, "condition": 20, "fan-out": 20, "retries": 5, "inputs": 5, "python": 8, "container": 40}
    least |= {"order": 30}
    assert {tag: count for tag, count in least.items() if tags[tag] < count} == {}

    def holding(holds: Callable[[Task], object]) -> int:
        return sum(bool(holds(task)) for task in SET.values())

    assert holding(lambda task: any(len(step.sources) > 1 for item in task.oracle.steps for step in item.inputs)) >= 2
    assert holding(lambda task: None in task.properties.items.values()) >= 4
    assert holding(lambda task: task.properties.exclusive) >= 8
    assert holding(lambda task: len(task.oracle.outputs) > 1) >= 1
    assert holding(lambda task: not {step.use for step in task.oracle.steps} & {*CODE}) >= 12
    assert holding(lambda task: {step.use for step in task.oracle.steps} <= {*CODE}) >= 5
    assert len(uses - {*CODE}) >= 25


def test_of_steps_that_only_bear_the_names_nothing_but_their_number_holds() -> None:
    for task in SET.values():
        wanted = task.properties
        gone = lost(task, lambda step: FormStep(name=step.name, use="container"), inputs=())
        every = said(task, "before") | said(task, "beside") | said(task, "or")
        every |= {f"{name}={value}" for name, value in wanted.values.items()}
        every |= {f"{value} somewhere" for value in wanted.says}
        every |= {f"{use} on a condition" for use in wanted.conditional} | {f"{use} always" for use in wanted.always}
        every |= {f"{use} retried {often}" for use, often in wanted.retries.items()}
        every |= {f"{use} over {count}" for use, count in wanted.items.items()}
        held = {f"{use} always" for use in wanted.always if use == "container"}
        assert gone == every - held
        assert every


def test_steps_in_a_row_are_not_beside_each_other() -> None:
    for task in SET.values():
        before = dict(pairwise(reversed(Scope(task.oracle, STEPS).order)))

        def after(step: FormStep, before: dict[str, str] = before) -> FormStep:
            return msgspec.structs.replace(step, needs=(*step.needs, *filter(None, [before.get(step.name)])))

        gone = lost(task, after)
        assert {what for what in gone if " beside " in what} == said(task, "beside")
        assert not {what for what in gone if " before " in what}


def test_one_condition_of_all_makes_everything_conditional_and_nothing_exclusive() -> None:
    when = Comparison(left="inputs.x", op="==", right="yes")
    for task in SET.values():
        gone = lost(task, lambda step: msgspec.structs.replace(step, when=when))
        assert {f"{use} always" for use in task.properties.always} <= gone
        assert said(task, "or") <= gone
        assert not {what for what in gone if what.endswith("on a condition")}


def test_without_conditions_everything_always_runs() -> None:
    for task in SET.values():
        gone = lost(task, lambda step: msgspec.structs.replace(step, when=None))
        assert {f"{use} on a condition" for use in task.properties.conditional} <= gone
        assert said(task, "or") <= gone
        assert not {what for what in gone if what.endswith("always")}


def test_more_steps_items_and_retries_are_too_many() -> None:
    def more(step: FormStep) -> FormStep:
        items = (*step.over, "more") if isinstance(step.over, tuple) else step.over
        return msgspec.structs.replace(step, over=items, retries=step.retries + 1)

    for task in SET.values():
        wanted = task.properties
        expected = {f"{use} over {count}" for use, count in wanted.items.items() if count}
        expected |= {f"{use} retried {often}" for use, often in wanted.retries.items()}
        assert lost(task, more) == expected
        longer = (*task.oracle.steps, FormStep(name="more", use="other"))
        assert failed(task, msgspec.structs.replace(task.oracle, steps=longer)) == (
            [f"{wanted.steps} steps"] if wanted.steps else []
        )
