"""What the released SDK gets wrong, one by one: here it is right."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

import couler_plugins.authoring as couler
from couler_plugins.authoring import AuthoredWorkflow, bigger, equal, workflow
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Step, needed


def job(name: str, *args: Any, image: str = "busybox") -> couler.Returned:
    return couler.run_container(image, ["echo"], args or [name], step_name=name)


def flip() -> couler.Returned:
    return couler.run_script("python:3.12", source="print('tails')", command="python", step_name="flip")


def steps(written: AuthoredWorkflow) -> dict[str, Step]:
    """The steps of the first graph, by name."""
    return {step.name: step for step in written.ir.graphs[0].steps}


def waits(written: AuthoredWorkflow) -> dict[str, set[str]]:
    """What each of these waits for."""
    return {name: {need.step for need in needed(step.needs)} for name, step in steps(written).items()}


def tasks(written: AuthoredWorkflow, template: str = "main") -> dict[str, Any]:
    """The tasks of a template of Argo, by name."""
    spec = yaml.safe_load(written.to("argo"))["spec"]
    (found,) = (item for item in spec["templates"] if item["name"] == template)
    return {task["name"]: task for task in found["dag"]["tasks"]}


def test_a_map_that_depends_on_something_keeps_its_items() -> None:
    with workflow("w") as written:
        job("first")
        couler.set_dependencies(lambda: couler.map(lambda size: job("train", size), [1, 2, 3]), dependencies=["first"])
        couler.set_dependencies(lambda: job("last"), dependencies=["train"])
    assert tasks(written)["train"]["withItems"] == [1, 2, 3]
    assert waits(written) == {"first": set(), "train": {"first"}, "last": {"train"}}


def test_a_map_in_a_dag_keeps_its_items() -> None:
    def fan() -> None:
        couler.map(lambda size: job("train", size), [1, 2, 3])

    with workflow("w") as written:
        couler.dag([[lambda: job("first"), fan], [fan, lambda: job("last")]])
    assert tasks(written)["train"]["withItems"] == [1, 2, 3]
    assert waits(written) == {"first": set(), "train": {"first"}, "last": {"train"}}


def test_what_is_concurrent_in_a_dag_stays_so() -> None:
    def both() -> None:
        couler.concurrent([lambda: job("one"), lambda: job("two")])

    with workflow("w") as written:
        couler.dag([[lambda: job("first"), both], [both, lambda: job("last")]])
    assert waits(written) == {"first": set(), "one": {"first"}, "two": {"first"}, "last": {"one", "two"}}


def test_a_loop_that_asks_afterwards_keeps_looping_in_a_dag() -> None:
    with workflow("w") as written:
        couler.dag(
            [
                [lambda: job("first"), lambda: couler.exec_while(equal("tails"), flip)],
                [lambda: couler.exec_while(equal("tails"), flip), lambda: job("last")],
            ]
        )
    assert waits(written) == {"first": set(), "flip": {"first"}, "last": {"flip"}}
    inner = tasks(written, "flip-while")
    assert inner["flip-again"]["template"] == "flip-while"
    assert inner["flip-again"]["when"] == "{{=tasks['flip-once'].outputs.result == 'tails'}}"
    assert len(inner) == 2


def test_a_condition_leaves_other_dependencies_and_arguments_alone() -> None:
    with workflow("w") as written:
        result = flip()
        job("other")
        told = lambda: couler.when(equal(result, "heads"), lambda: job("told", "it was", result))  # noqa: E731  # as users do
        couler.set_dependencies(told, dependencies=["other"])
    task = tasks(written)["told"]
    assert waits(written)["told"] == {"flip", "other"}
    assert task["when"] == "{{=tasks.flip.outputs.result == 'heads'}}"
    assert task["arguments"]["parameters"] == [{"name": "arg-2", "value": "{{tasks.flip.outputs.result}}"}]


def test_a_condition_waits_for_what_it_asks_about() -> None:
    with workflow("w") as written:
        result = flip()
        couler.set_dependencies(lambda: job("other"), dependencies=None)
        couler.set_dependencies(
            lambda: couler.when(equal(result, "heads"), lambda: job("told")), dependencies=["other"]
        )
    assert waits(written) == {"flip": set(), "other": set(), "told": {"other", "flip"}}


def test_lists_and_expressions_of_dependencies_make_one_manifest() -> None:
    with workflow("w") as written:
        job("a")
        couler.set_dependencies(lambda: job("b"), dependencies=["a"])
        couler.set_dependencies(lambda: job("c"), dependencies="a && (b.Succeeded || b.Failed)")
    found = tasks(written)
    assert {key for task in found.values() for key in task} & {"depends", "dependencies"} == {"depends"}
    assert found["c"]["depends"] == "a && (b.Failed || b.Succeeded)"
    assert not couler_lint(written)


def couler_lint(written: AuthoredWorkflow) -> list[str]:
    from couler_plugins import Text, lint

    return [str(item) for item in lint(Text(written.to("argo"), "made.yaml")).findings if item.severity == "error"]


def test_edges_may_be_listed_with_the_child_first() -> None:
    def node(name: str) -> Any:
        return lambda: job(name)

    with workflow("w") as written:
        couler.dag([[node("c"), node("d")], [node("b"), node("c")], [node("a"), node("b")]])
    assert waits(written) == {"c": {"b"}, "d": {"c"}, "b": {"a"}, "a": set()}


def test_a_step_may_be_used_before_it_is_written() -> None:
    with workflow("w") as written:
        text = couler.get_step_output("late", "message")
        couler.set_dependencies(lambda: job("early", text), dependencies=["late"])
        couler.set_dependencies(
            lambda: couler.run_container(
                "busybox",
                ["sh", "-c"],
                ["echo x > /tmp/message"],
                output=couler.create_parameter_artifact("/tmp/message"),
                step_name="late",
            )
        )
    assert waits(written) == {"early": {"late"}, "late": set()}
    assert tasks(written)["early"]["arguments"]["parameters"][0]["value"] == "{{tasks.late.outputs.parameters.message}}"


def test_a_step_that_is_never_written_is_an_error_with_file_and_line() -> None:
    with pytest.raises(InvalidInput, match="'early' needs 'late'") as caught, workflow("w"):
        couler.set_dependencies(lambda: job("early"), dependencies=["late"])
    assert caught.value.step == "early"
    assert str(caught.value.file).endswith("test_released.py")
    assert caught.value.line == job.__code__.co_firstlineno + 1


def test_one_name_with_two_images_is_an_error() -> None:
    def written() -> None:
        with workflow("w"):
            job("a")
            job("a", image="alpine")

    with pytest.raises(InvalidInput, match=r"another image \('busybox' there, 'alpine' here\)") as caught:
        written()
    assert caught.value.step == "a"
    assert "step_name" in str(caught.value.hint)


def test_one_name_with_two_images_is_an_error_in_a_dag_as_well() -> None:
    with pytest.raises(InvalidInput, match="two steps of one dag"), workflow("w"):
        couler.dag([[lambda: job("a"), lambda: job("b")], [lambda: job("a", image="alpine"), lambda: job("c")]])


def test_one_name_called_twice_runs_twice() -> None:
    with workflow("w") as written:
        job("say", "one")
        job("say", "two")
    assert waits(written) == {"say": set(), "say-2": {"say"}}
    assert [operation.name for operation in written.ir.operations] == ["say"]


def annotated(
    first: dict[str, int] = {"a:b": 1},  # noqa: B006  # a colon inside of the brackets
    second: "list[str]" = [],  # noqa: B006, UP037
) -> None:
    print("ran with", first, second)  # noqa: T201  # its standard output is the result


def test_an_annotated_function_is_whole() -> None:
    with workflow("w") as written:
        couler.run_script("python:3.12", source=annotated)
    (operation,) = written.ir.operations
    program = str(getattr(operation.containers[0].script, "value", ""))
    printed: list[Any] = []
    exec(compile(f"{program}\nannotated()\n", "made", "exec"), {"print": lambda *found: printed.append(found)})
    assert printed == [("ran with", {"a:b": 1}, [])]


@pytest.mark.parametrize("action", ["create", "apply", "patch", "delete"])
def test_the_action_of_a_job_counts(action: str) -> None:
    manifest = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "pi"}}
    with workflow("w") as written:
        couler.run_job(manifest, "status.succeeded > 0", action=action, step_name="pi")
    (template,) = (item for item in yaml.safe_load(written.to("argo"))["spec"]["templates"] if item["name"] == "pi")
    assert template["resource"]["action"] == action
    assert template["resource"]["successCondition"] == "status.succeeded > 0"
    assert yaml.safe_load(template["resource"]["manifest"]) == manifest


def test_nothing_depends_on_lines() -> None:
    source = """
from couler_plugins.authoring import *

def job(x):
    return run_container("busybox", ["echo"], [x])
{gap}
with workflow("w") as written:
    first = job("a"){gap}
    second = job("b")
    when(equal(first, "x"), lambda: run_container("busybox", ["echo"], [second]))
"""
    made = []
    for gap in ("", "\n\n\n"):
        scope: dict[str, Any] = {}
        exec(compile(source.format(gap=gap), f"file-{len(gap)}.py", "exec"), scope)
        made.append(scope["written"].ir)
    assert made[0] == made[1]


def test_two_calls_on_one_line_are_two_steps() -> None:
    with workflow("w") as written:
        job("a"), job("b")
    assert list(steps(written)) == ["a", "b"]


def test_conditions_on_numbers_are_carried_where_numbers_are_compared() -> None:
    with workflow("w") as written:
        couler.when(bigger(flip(), 5), lambda: job("big"))
    assert tasks(written)["big"]["when"] == "{{tasks.flip.outputs.result}} > 5"
