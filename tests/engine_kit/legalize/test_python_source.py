"""Functions are read from their source, whole, and refused where they need anything from around them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Optional

import pytest

from couler_plugins.engine_kit.legalize.python.functions import Function, Parameter, function_of, operation_of
from couler_plugins.engine_kit.legalize.python.pods import script_of
from couler_plugins.engine_kit.legalize.python.source import function_from, function_from_text
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Literal

AROUND = 3


def everything(
    text: str,
    number: int,
    rate: float = 1,
    flags: dict[str, bool] | None = None,
    names: Optional[list[str]] = None,  # noqa: UP045  # an older way to say it
    *,
    quick: bool = False,
) -> list[dict[str, int]]:
    import json

    def inner(item: Sequence[Path]) -> Any:
        return [json.dumps(other) for other in item]

    return [inner(text), number, rate, flags, names, quick]  # type: ignore[list-item, arg-type]


def test_parameters_and_results_are_read_from_annotations() -> None:
    function = function_from(everything, packages=["numpy"])
    assert function.inputs == (
        Parameter("text", "text"),
        Parameter("number", "int"),
        Parameter("rate", "float", 1.0, optional=True),
        Parameter("flags", "dict", optional=True),
        Parameter("names", "list", optional=True),
        Parameter("quick", "bool", False, optional=True),
    )
    assert function.outputs == (("result", "list"),)
    assert function.packages == ("numpy",)


def test_a_default_says_what_it_is() -> None:
    assert function_from_text("def f(x='a', n: 'int' = 2): pass\n").inputs == (
        Parameter("x", "text", "a", optional=True),
        Parameter("n", "int", 2, optional=True),
    )


def test_the_source_is_kept_whole() -> None:
    source = function_from(everything).source
    assert "flags: dict[str, bool] | None = None," in source
    assert source.endswith("# type: ignore[list-item, arg-type]\n")


def test_a_method_of_indenting_is_taken_off() -> None:
    def indented(x: int) -> int:
        return x + 1

    assert function_from(indented).source == "def indented(x: int) -> int:\n    return x + 1\n"


@pytest.mark.parametrize(
    ("returns", "outputs"),
    [
        ("-> None", ()),
        ("", ()),
        ("-> 'float'", (("result", "float"),)),
        ("-> typing.List[int]", (("result", "list"),)),
        ('-> NamedTuple("Outputs", [("loss", float), ("name", str)])', (("loss", "float"), ("name", "text"))),
    ],
)
def test_what_it_gives(returns: str, outputs: Any) -> None:
    assert function_from_text(f"def f(){returns}:\n    return None\n").outputs == outputs


def test_outputs_can_be_named_beside_it() -> None:
    function = function_from_text("def f():\n    return {'a': 1}\n", outputs={"a": "int", "b": "str"})
    assert function.outputs == (("a", "int"), ("b", "text"))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def f():\n    return AROUND\n", "needs AROUND from around it"),
        ("def f():\n    def g():\n        return [helper(x) for x in ()]\n    g()\n", "needs helper"),
        ("def f():\n    global count\n    count = 1\n", "needs count"),
        ("def f(n: int):\n    f(n - 1)\n", "calls itself"),
        ("@cached\ndef f(): pass\n", "has decorators"),
        ("async def f(): pass\n", "is async"),
        ("def f():\n    yield 1\n", "is a generator"),
        ("def f(*xs: int): pass\n", "any number of arguments"),
        ("def f(**xs: int): pass\n", "any number of arguments"),
        ("def f(x: int, /): pass\n", "without names"),
        ("def f(x): pass\n", "of what type 'x' is"),
        ("def f(x=None): pass\n", "of what type 'x' is"),
        ("def f(x: int = None): pass\n", "has None for 'x'"),
        ("def f(x: int = 'a'): pass\n", "has a default of 'x' that is no int"),
        ("def f(x: str = NAME): pass\n", "no constant of JSON"),
        ("def f(x: list = [{1}]): pass\n", "no constant of JSON"),
        ("def f(x: Path): pass\n", "has Path as the type of x"),
        ("def f(x: int | str): pass\n", "has int | str as the type of x"),
        ("def f():\n    return 1\n", "of what type"),
        ("def f() -> str | None: pass\n", "may return None"),
        ("def f() -> NamedTuple('Outputs', [('a', set)]): pass\n", "has a NamedTuple that cannot be read"),
        ("def typed(): pass\n", "a name that is used around it"),
        ("def f(): pass\nf()\n", "something else than one function"),
        ("x = 1\n", "something else than one function"),
        ("def f(:\n", "this is no Python"),
        ("def f():\n    x = " + "-" * 20_000 + "1\n", ""),
        ("def f():\n    return '\0'\n", "this is no Python"),
    ],
)
def test_what_cannot_run_by_itself_is_refused(source: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=r".") as caught:
        function_from_text(source)
    assert reason in caught.value.message
    assert caught.value.hint


def test_the_place_is_told() -> None:
    def outside() -> int:
        return AROUND

    with pytest.raises(InvalidInput) as caught:
        function_from(outside)
    assert caught.value.file == __file__
    assert caught.value.line == outside.__code__.co_firstlineno + 1


class Model:
    def fit(self) -> None: ...


@pytest.mark.parametrize(
    ("function", "reason"),
    [(lambda: 1, "is a lambda"), (Model().fit, "no function"), (Model, "no function"), (len, "no function")],
    ids=["lambda", "method", "class", "builtin"],
)
def test_what_is_no_function_by_itself_is_refused(function: Callable[..., Any], reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        function_from(function)
    assert reason in caught.value.message


def test_closures_are_refused() -> None:
    count = 3

    def closed() -> int:
        return count

    with pytest.raises(InvalidInput, match="takes count from the function around it"):
        function_from(closed)


def test_a_function_without_a_file_is_refused() -> None:
    made: dict[str, Any] = {}
    exec("def nowhere() -> None: pass", made)  # such as those typed at a prompt
    with pytest.raises(InvalidInput, match="no source that can be found"):
        function_from(made["nowhere"])


def test_an_operation_holds_all_of_it() -> None:
    function = function_from(everything, packages=["numpy>=2"])
    operation = operation_of(function, "all", "python:3.12")
    assert operation.kind == "python"
    assert function_of(operation) == function
    assert isinstance(function_of(operation), Function)


def test_a_script_that_installs_packages_is_python() -> None:
    function = function_from(everything, packages=["numpy"])
    (container,) = script_of(operation_of(function, "all", "python:3.12"), function).containers
    assert isinstance(container.script, Literal)
    program = str(container.script.value)
    compile(program, "script", "exec")
    assert program.index("'numpy'") < program.index("def everything")


def test_names_that_are_made_inside_are_no_others() -> None:
    function_from_text("""
def f(paths: list[Path], n: int = 1) -> "list":
    import os.path as p
    from collections import OrderedDict

    class Local:
        kind: Unknown = int
        def method(self, x: Missing) -> Gone: return [y for y in x if (z := y)] + [__name__, self.kind]

    async def later(a: Nowhere) -> None: ...
    try:
        found: Typed = [p.join(str(i), j) for i, j in enumerate(paths)]
    except (ValueError, OSError) as error:
        return [repr(error)]
    with open(found[0]) as stream, stream as other:
        (lambda q, *r, **s: (q, r, s, n, OrderedDict, Local, later, other))(1)
    return found
""")


def test_nothing_is_executed() -> None:
    source = textwrap.dedent("""
        def f(x: print("typed") = 1) -> None:
            raise SystemExit
    """)
    with pytest.raises(InvalidInput, match="as the type of x"):
        function_from_text(source)
