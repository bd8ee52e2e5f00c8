"""A call that fails leaves nothing of what it wrote: whoever catches its error has the workflow from before it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

import couler_plugins.authoring as couler
from couler_plugins.authoring import bigger, equal, workflow
from couler_plugins.errors import InvalidInput

untyped: Any = couler
"""For calls that type checkers refuse as well."""


class Broken(Exception):
    """What the user's own code raises."""


def made(name: str, item: object = "") -> couler.Returned:
    return couler.run_container("busybox", ["echo"], [item], step_name=name)


def broken(*given: object) -> NoReturn:
    made("a", *given)
    made("x", *given)
    couler.add_volume(couler.Volume("scratch"))
    raise Broken


def looped_twice(item: object) -> None:
    couler.map(lambda inner: made("inner", f"{item} {inner}"), [1, 2])
    couler.map(broken, [1, 2])


CALLS: dict[str, Callable[[], object]] = {
    "map": lambda: couler.map(broken, [1, 2]),
    "a map in a map": lambda: couler.map(looped_twice, ["x", "y"]),
    "exec_while": lambda: couler.exec_while(equal("x"), broken),
    "exec_while that returns nothing": lambda: couler.exec_while(equal("x"), lambda: [made("a")]),
    "when": lambda: couler.when(equal(couler.get_step_output("a"), "x"), broken),
    "a when that follows a when": lambda: couler.when(bigger(couler.get_step_output("first"), 3), broken),
    "concurrent": lambda: couler.concurrent([lambda: made("b"), lambda: made("c"), broken]),
    "concurrent without a function": lambda: untyped.concurrent([lambda: made("b"), 3]),
    "dag": lambda: couler.dag([[lambda: made("b"), lambda: made("c")], [broken]]),
    "a dag that names again": lambda: couler.dag([[lambda: made("new"), lambda: made("a")], [broken]]),
    "set_dependencies": lambda: couler.set_dependencies(broken, dependencies=["a"]),
    "set_exit_handler": lambda: couler.set_exit_handler(couler.WFStatus.Always, broken),
    "run_step": lambda: couler.run_step("load-csv", url="x", step_name="a/b"),
}


def before() -> None:
    first = made("first")
    made("a")
    couler.when(equal(first, "x"), lambda: made("b"))


def behind() -> None:
    couler.when(equal(couler.get_step_output("first"), "y"), lambda: made("b"))
    couler.map(lambda item: made("a", item), [3, 4])
    couler.concurrent([lambda: made("inner"), lambda: made("x")])
    made("last")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in another"])
def test_a_call_that_fails_leaves_nothing(call: str, inside: bool) -> None:
    def failing() -> None:
        with pytest.raises((Broken, InvalidInput)):
            CALLS[call]()

    def written(*functions: Callable[[], None]) -> couler.AuthoredWorkflow:
        with workflow("w") as found:
            before()
            for function in functions:
                function()
            behind()
        return found

    def around(function: Callable[[], object]) -> Callable[[], None]:
        def both() -> None:
            couler.concurrent([lambda: (made("one"), function(), made("two"))])

        return both

    plain = written(around(lambda: None)) if inside else written()
    assert written(around(failing) if inside else failing).to_json() == plain.to_json()


def test_what_a_call_gave_that_failed_is_not_that_of_the_next() -> None:
    kept: list[couler.Returned] = []

    def fails() -> None:
        kept.append(made("a"))
        raise Broken

    with workflow("w"):
        with contextlib.suppress(Broken):
            couler.concurrent([fails])
        made("a")
        with pytest.raises(InvalidInput, match="'a' gives belongs to a call that failed") as caught:
            made("b", kept[0])
    assert caught.value.hint


async def later() -> None:
    made("a")


def one_by_one() -> object:
    yield made("a")


@pytest.mark.parametrize(
    "write",
    [
        lambda function: couler.when(equal(couler.get_step_output("first"), "x"), function),
        lambda function: couler.concurrent([lambda: made("b"), function]),
        lambda function: couler.dag([[function]]),
        lambda function: couler.map(lambda item: function(), [1]),
        lambda function: couler.exec_while(equal("x"), function),
        lambda function: couler.set_dependencies(function, ["first"]),
        lambda function: couler.set_exit_handler(couler.WFStatus.Failed, function),
    ],
    ids=["when", "concurrent", "dag", "map", "exec_while", "set_dependencies", "set_exit_handler"],
)
@pytest.mark.parametrize("function", [lambda: None, later, one_by_one], ids=["nothing", "async", "generator"])
def test_a_function_that_writes_nothing_is_a_mistake(
    write: Callable[[Callable[[], object]], object], function: Callable[[], object]
) -> None:
    with workflow("w"):
        made("first")
        with pytest.raises(InvalidInput, match="creates no step"):
            write(function)
