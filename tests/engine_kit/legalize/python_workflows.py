"""Workflows of Python functions that give the same on every engine, and what that is."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import pytest

from authoring.trained import GIVEN, TRAINED
from couler_plugins.ir import (
    Container,
    Expression,
    Graph,
    Handler,
    Literal,
    Operation,
    Output,
    Port,
    Reference,
    Template,
    Workflow,
    replace,
)
from engine_kit.legalize.python_steps import constant, gave, step, workflow_of

__all__ = ["COMPUTED", "ENDING", "LITERAL_LOOPS", "LOOPS", "MIXED", "NUMERIC", "ODD", "Computed", "by_name"]

ODD = [
    "",
    " x ",
    "a\n\tb\n",
    "\"a\" 'b' \\n",
    "{{workflow.name}} {{ x }}",
    "$(params.x) $$ $(date)",
    "ü☃\U0001f600",
    "<&>",
]
ITEM = Reference(to="item", kind="parameter")
ROWS = [{"left": 1, "right": 'a"'}, {"left": 3, "right": "b"}]


MANY = ("odd texts", "items", "odd items", "chosen loops", "keys")
"""Cases of many steps, with a process for each on some engines."""


def by_name(cases: Collection[str], quick: Collection[str] = ()) -> list[Any]:
    """Return a parameter for each case; slow are those of many steps, or all but those that are named as quick."""
    slow = [name in MANY or (bool(quick) and name not in quick) for name in cases]
    return [pytest.param(name, marks=pytest.mark.slow if late else ()) for name, late in zip(cases, slow, strict=True)]


class Computed(NamedTuple):
    """A workflow, and the values that its steps give, by `step` or `step.output`; None where it is skipped."""

    workflow: Workflow
    given: dict[str, Any]


def item(key: str) -> Reference:
    return Reference(to="item", kind="parameter", name=key)


def input_of(name: str) -> Reference:
    return Reference(to="input", kind="parameter", name=name)


def parameter(name: str) -> Reference:
    return Reference(to="parameter", kind="parameter", name=name)


def compares(*parts: str | Reference) -> Expression:
    return Expression(language="cel", parts=parts)


def equals(reference: Reference, text: str) -> Expression:
    return Expression(language="cel", parts=(reference, f" == '{text}'"))


NUMBERS = """
def numbers(n: int, offset: float = 1.0) -> list[int]:
    return [number + int(offset) for number in range(n)]
"""
SQUARE = "def square(x: int) -> int:\n    return x * x\n"
TOTAL = """
def total(values: list[int], scale: float = 1) -> NamedTuple("Total", [("sum", int), ("mean", float), ("text", str)]):
    found = sum(values)
    return {"sum": found, "mean": scale * found / len(values), "text": f"{values!r} {scale!r}"}
"""
MOOD = """
def mood(total: int) -> str:
    return "high" if total > 10 else "low"
"""
NEGATED = "def negated(flag: bool) -> bool:\n    return not flag\n"
LOSS = "def loss(epochs: int) -> float:\n    return 0.00001 - epochs\n"
SAY = """
def say(text: str, who: str | None = None, *, loud: bool = False) -> str:
    said = f"{who}: {text}"
    return said.upper() if loud else said
"""
SAME = "def same(value: dict) -> dict:\n    return value\n"
ECHO = '''
def echo(
    text: str, number: int, rate: float, items: list, mapping: dict, none: int | None = None, flag: bool = True
) -> dict:
    """What it was given; {{ and $( are nothing special."""
    return dict(text=text, number=number, rate=rate, items=items, mapping=mapping, none=none, flag=flag)
'''
TEXT = "def text(text: str) -> str:\n    return text\n"
LIST = "def listed(values: list) -> list:\n    return values\n"
FAIL = "def fail() -> None:\n    raise SystemExit(3)\n"

ODD_VALUES: dict[str, Any] = {
    "text": "".join(ODD),
    "number": 2**53 - 1,
    "rate": 1e-300,
    "items": [*ODD, 1, -2.5, None, True, [[], {}, [1, [2]]]],
    "mapping": {"a": None, "{{b}}": [1.5, {"c\n": 'd"'}], "n": 12345678901},
    "flag": False,
}
COMPUTED = {
    "written once": Computed(TRAINED.ir, GIVEN),
    "passed": Computed(
        workflow_of(
            [NUMBERS, SQUARE, TOTAL, MOOD, SAY],
            step("numbers", "numbers", n=3),
            step("square", "square", x=7),
            step("total", "total", values=gave("numbers"), scale=0.5),
            step("mood", "mood", total=gave("total", "sum")),
            step("said", "say", text=Template(parts=("it is ", gave("mood"), "!")), who=parameter("who")),
            step("loud", "say", text=gave("said"), loud=True),
            parameters=[Port(name="who", value=Literal(value="Ann"))],
            outputs=[Output(name="said", value=gave("loud"))],
        ),
        {
            "numbers": [1, 2, 3],
            "square": 49,
            "total.sum": 6,
            "total.mean": 1.0,
            "total.text": "[1, 2, 3] 0.5",
            "mood": "low",
            "said": "Ann: it is low!",
            "loud": "NONE: ANN: IT IS LOW!",
        },
    ),
    "chosen": Computed(
        workflow_of(
            [NUMBERS, TOTAL, MOOD, SAY, NEGATED],
            step("numbers", "numbers", n=5),
            step("total", "total", values=gave("numbers")),
            step("mood", "mood", total=gave("total", "sum")),
            step("hooray", "say", text=gave("mood"), when=equals(gave("mood"), "high")),
            step("alas", "say", text=gave("mood"), when=equals(gave("mood"), "low")),
            step("exact", "say", text="15", when=equals(gave("total", "sum"), "15")),
            step("loud", "negated", flag=True),
            step("quiet", "say", text="not", when=equals(gave("loud"), "true")),
            step("noisy", "say", text="is", when=equals(gave("loud"), "false")),
        ),
        {"mood": "high", "hooray": "None: high", "alas": None, "exact": "None: 15", "quiet": None, "noisy": "None: is"},
    ),
    "odd": Computed(
        workflow_of([ECHO, SAME], step("echo", "echo", **ODD_VALUES), step("same", "same", value=gave("echo"))),
        {"echo": {**ODD_VALUES, "none": None}, "same": {**ODD_VALUES, "none": None}},
    ),
    "odd texts": Computed(
        workflow_of(
            [TEXT],
            *(step(f"t{number}", "text", text=text) for number, text in enumerate(ODD)),
            *(step(f"u{number}", "text", text=gave(f"t{number}")) for number in range(len(ODD))),
        ),
        {f"{prefix}{number}": text for prefix in "tu" for number, text in enumerate(ODD)},
    ),
}
NUMERIC = {
    "compared": Computed(
        workflow_of(
            [LOSS, SAY],
            step("loss", "loss", epochs=0),
            step("worse", "loss", epochs=2),
            step("small", "say", text="small", when=compares("double(", gave("loss"), ") < 0.5")),
            step("equal", "say", text="equal", when=compares("double(", gave("loss"), ") >= 0.5")),
            step("below", "say", text="below", when=Template(parts=(gave("worse"), " < -1.5"))),
            step("both", "say", text="both", when=Template(parts=(gave("worse"), " < 0 && ", gave("loss"), " > 0"))),
        ),
        {"small": "None: small", "equal": None, "below": "None: below", "both": "None: both"},
    ),
}
PAIRS = """
def pairs(n: int) -> list:
    return [{"left": number, "right": f"{number}\\"s"} for number in range(n)]
"""
PAIRED = """
def paired(left: int, right: str, times: int = 1) -> dict:
    return {"left": left * times, "right": right}
"""
ODDS = f"def odds() -> list:\n    return {ODD!r}\n"
INNER = Graph(
    name="inner",
    inputs=(Port(name="given"), Port(name="scale", value=Literal(value="2"))),
    outputs=(Output(name="sum", value=gave("sums", "sum")),),
    steps=(
        step("sums", "total", values=input_of("given"), scale=input_of("scale")),
        step("moods", "mood", total=gave("sums", "sum")),
    ),
)
LITERAL_LOOPS = {
    "items": Computed(
        workflow_of(
            [SQUARE, TEXT],
            step("numbers", "square", x=ITEM, each=constant([1, 2, 3])),
            step("texts", "text", text=ITEM, each=constant(ODD)),
        ),
        {
            "numbers": [1, 4, 9],
            "texts": ODD,
        },
    ),
    "rows": Computed(
        workflow_of(
            [PAIRED, SAME],
            step("wholes", "same", value=ITEM, each=constant(ROWS)),
            step("pairs", "paired", each=constant(ROWS), left=item("left"), right=item("right"), times=2),
        ),
        {"wholes": ROWS, "pairs": [{"left": 2, "right": 'a"'}, {"left": 6, "right": "b"}]},
    ),
}
LOOPS = {
    "gathered": Computed(
        workflow_of(
            [NUMBERS, SQUARE, TOTAL],
            step("numbers", "numbers", n=4),
            step("squares", "square", x=ITEM, each=gave("numbers")),
            step("total", "total", values=gave("squares")),
            step("again", "square", x=ITEM, each=gave("squares")),
            step("last", "total", values=gave("again")),
        ),
        {
            "squares": [1, 4, 9, 16],
            "total.sum": 30,
            "total.mean": 7.5,
            "total.text": "[1, 4, 9, 16] 1.0",
            "again": [1, 16, 81, 256],
            "last.sum": 354,
        },
    ),
    "odd items": Computed(
        workflow_of(
            [ODDS, TEXT, LIST],
            step("odds", "odds"),
            step("squares", "text", text=ITEM, each=gave("odds")),
            step("all", "listed", values=gave("squares")),
        ),
        {"squares": ODD, "all": ODD},
    ),
    "keys": Computed(
        workflow_of(
            [PAIRS, PAIRED, LIST],
            step("pairs", "pairs", n=2),
            step("squares", "paired", each=gave("pairs"), left=item("left"), right=item("right"), times=3),
            step("all", "listed", values=gave("squares")),
        ),
        {"all": [{"left": 0, "right": '0"s'}, {"left": 3, "right": '1"s'}]},
    ),
    "parameter": Computed(
        workflow_of(
            [SQUARE, TOTAL],
            step("squares", "square", x=ITEM, each=parameter("numbers")),
            step("total", "total", values=gave("squares"), scale=parameter("scale")),
            parameters=[
                Port(name="numbers", value=Literal(value="[2, 3]")),
                Port(name="scale", value=Literal(value="0.5")),
            ],
        ),
        {"squares": [4, 9], "total.sum": 13, "total.mean": 3.25},
    ),
}
NESTED = Computed(
    workflow_of(
        [NUMBERS, TOTAL, MOOD],
        step("numbers", "numbers", n=4),
        step("within", "inner", given=gave("numbers")),
        step("doubled", "numbers", n=gave("within", "sum")),
        graphs=[INNER],
    ),
    {"doubled": list(range(1, 11))},
)
COMPUTED["nested"] = NESTED
LOOPS["chosen loops"] = Computed(
    workflow_of(
        [NUMBERS, MOOD, SQUARE],
        step("numbers", "numbers", n=2),
        step("mood", "mood", total=20),
        step("squares", "square", each=gave("numbers"), x=ITEM, when=equals(gave("mood"), "high")),
        step("others", "square", each=constant([3, 4]), x=ITEM, when=equals(gave("mood"), "high")),
        step("none", "square", each=gave("numbers"), x=ITEM, when=equals(gave("mood"), "low")),
    ),
    {"squares": [1, 4], "others": [9, 16], "none": None},
)
LOOPS["as texts"] = Computed(
    workflow_of(
        [NUMBERS, NEGATED, TEXT],
        step("numbers", "numbers", n=2),
        step("yes", "negated", flag=False),
        step("listed", "text", text=gave("numbers")),
        step("asked", "text", text=gave("yes")),
        step("squares", "text", each=gave("numbers"), text=ITEM),
        step("given", "text", text=5),
    ),
    {"listed": "[1,2]", "asked": "true", "squares": ["1", "2"], "given": "5"},
)
ENDING = replace(
    workflow_of([FAIL, SAY], step("fails", "fail"), step("after", "say", "fails", text="no")),
    handlers=(Handler(step=step("at-the-end", "say", text="over", who="it")),),
)
"""It fails, and says something at the end all the same."""
WRITES = Operation(
    name="writes",
    kind="container",
    outputs=(Output(name="count", path=Literal(value="/tmp/couler/count")),),
    containers=(
        Container(
            image=Literal(value="busybox"),
            command=tuple(
                Literal(value=text) for text in ("sh", "-c", "mkdir -p /tmp/couler && echo 3 > /tmp/couler/count")
            ),
        ),
    ),
)
READS = Operation(
    name="reads",
    kind="container",
    inputs=(Port(name="text"),),
    outputs=(Output(name="said", path=Literal(value="/tmp/couler/said")),),
    containers=(
        Container(
            image=Literal(value="busybox"),
            command=tuple(
                Literal(value=text)
                for text in ("sh", "-c", 'mkdir -p /tmp/couler && printf %s "$0" > /tmp/couler/said')
            ),
            args=(input_of("text"),),
        ),
    ),
)
MIXED = workflow_of(
    [NUMBERS, SAY],
    step("count", "writes"),
    step("numbers", "numbers", n=gave("count", "count")),
    step("plain", "reads", text=gave("numbers")),
    step("text", "say", text="$(date) & {{x}}", who=gave("plain", "said")),
    step("quoted", "say", text='it is "so"'),
    step("again", "reads", text=gave("quoted")),
    others=[WRITES, READS],
)
"""Functions between containers: what these read is a text as the function gave it."""
