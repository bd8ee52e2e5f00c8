"""Whose a value is: workflows may have steps of one name, and what one of them gives is never taken for the other's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

import couler_plugins.authoring as couler
from couler_plugins.authoring import equal, workflow
from couler_plugins.errors import InvalidInput


class Foreign(NamedTuple):
    """Values of another workflow."""

    plain: couler.Returned
    file: couler.Returned
    item: object
    named: object


def made(name: str = "a", **more: Any) -> couler.Returned:
    return couler.run_container("busybox", ["echo"], step_name=name, **more)


def with_artifact(name: str = "a") -> couler.Returned:
    return made(name, output=couler.create_local_artifact("/model"))


def foreign() -> Foreign:
    """What a workflow `one` gives, whose steps are called as those of the other ones here."""
    items: list[object] = []

    def each(item: object) -> None:
        items.append(item)
        made("each", args=[item])

    with workflow("one"):
        plain, file = made(), with_artifact("f")
        couler.map(each, [1, 2])
        named = couler.get_step_output("a")
    return Foreign(plain, file, items[0], named)


USES: dict[str, Callable[[Foreign], object]] = {
    "an argument": lambda of: made("b", args=[of.plain]),
    "a text": lambda of: made("b", args=[f"--x={of.plain}"]),
    "the environment": lambda of: made("b", env={"X": of.plain}),
    "a program": lambda of: couler.run_script("busybox", source=f"echo {of.plain}", step_name="b"),
    "what a function takes": lambda of: couler.run_script(source=doubled, args=[of.plain]),
    "a manifest": lambda of: couler.run_job({"kind": "Job", "metadata": {"name": f"j-{of.plain}"}}),
    "a ready-made step": lambda of: couler.run_step("load-csv", url=of.plain),
    "an artifact": lambda of: made("b", input=of.file),
    "an artifact among arguments": lambda of: made("b", args=[of.file]),
    "a condition": lambda of: couler.when(equal(of.plain, "x"), lambda: made("b")),
    "the other side of one": lambda of: couler.when(equal(made("b"), of.plain), lambda: made("c")),
    "a loop over it": lambda of: couler.map(lambda item: made("b", args=[item]), of.plain),
    "a loop that asks": lambda of: couler.exec_while(equal(of.plain, "x"), lambda: made("b")),
    "a loop that gives it": lambda of: couler.exec_while(equal("x"), lambda: (made("b"), of.plain)[1]),
    "a dependency": lambda of: couler.set_dependencies(lambda: made("b"), [of.plain]),
    "a name in its block": lambda of: made("b", args=[of.named]),
    "an item": lambda of: couler.map(lambda item: made("b", args=[item, of.item]), [1, 2]),
}


def doubled(x: str) -> str:
    return x + x


@pytest.mark.parametrize("use", USES)
def test_a_step_of_another_workflow_is_not_that_of_this_one(use: str) -> None:
    of = foreign()

    def write() -> None:
        made(), with_artifact("f")
        USES[use](of)

    with pytest.raises(InvalidInput) as caught, workflow("two"):
        write()
    assert "is of the workflow 'one', and is used in the workflow 'two'" in caught.value.message
    assert "workflows share no values" in str(caught.value.hint)
    assert str(caught.value.file).endswith("test_given.py")
    assert caught.value.line


def test_a_parameter_of_the_same_name_neither() -> None:
    one = workflow("one", parameters={"day": "monday"})
    with (
        pytest.raises(InvalidInput, match=r"parameter 'day' is of the workflow 'one'.* workflow 'two'"),
        workflow("two", parameters={"day": "sunday"}),
    ):
        made(args=[one.parameter("day")])


def test_calls_outside_of_blocks_are_a_workflow_of_their_own() -> None:
    first = made()
    couler.written("first")
    made()
    with pytest.raises(InvalidInput, match="is of the workflow of the calls outside of any block, and is used in the"):
        made("b", args=[first])
    couler.written("second")


def test_what_a_function_returns_of_another_workflow_is_no_step_of_the_loop() -> None:
    of = foreign()
    with pytest.raises(InvalidInput, match="step 'a' gives is of the workflow 'one'"), workflow("two"):
        couler.map(lambda item: (made(args=[item]), made("b"), of.plain)[2], [1, 2])


def test_what_stands_for_a_name_outside_of_any_block_is_of_every_workflow() -> None:
    named = couler.get_step_output("a")
    for name in ("one", "two"):
        with workflow(name) as written:
            made()
            made("b", args=[named])
        assert [step.name for step in written.ir.graphs[0].steps] == ["a", "b"]
