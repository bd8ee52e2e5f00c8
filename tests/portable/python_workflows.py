"""Workflows of Python functions that give the same on every engine, and what that is."""

from __future__ import annotations

from typing import Any, NamedTuple

from couler_plugins.ir import Expression, Literal, Output, Port, Reference, Template, Workflow
from portable.python_steps import gave, step, workflow_of

__all__ = ["COMPUTED", "ODD", "Computed"]

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
WHO = Reference(to="parameter", kind="parameter", name="who")
ITEM = Reference(to="item", kind="parameter")


class Computed(NamedTuple):
    """A workflow, and the values that its steps give, by `step` or `step.output`; None where it is skipped."""

    workflow: Workflow
    given: dict[str, Any]


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
    "passed": Computed(
        workflow_of(
            [NUMBERS, SQUARE, TOTAL, MOOD, SAY],
            step("numbers", "numbers", n=3),
            step("square", "square", x=7),
            step("total", "total", values=gave("numbers"), scale=0.5),
            step("mood", "mood", total=gave("total", "sum")),
            step("said", "say", text=Template(parts=("it is ", gave("mood"), "!")), who=WHO),
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
            [NUMBERS, TOTAL, MOOD, SAY],
            step("numbers", "numbers", n=5),
            step("total", "total", values=gave("numbers")),
            step("mood", "mood", total=gave("total", "sum")),
            step("hooray", "say", text=gave("mood"), when=equals(gave("mood"), "high")),
            step("alas", "say", text=gave("mood"), when=equals(gave("mood"), "low")),
            step("exact", "say", text="15", when=equals(gave("total", "sum"), "15")),
        ),
        {"mood": "high", "hooray": "None: high", "alas": None, "exact": "None: 15"},
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
LOOPS = {
    "gathered": Computed(
        workflow_of(
            [NUMBERS, SQUARE, TOTAL],
            step("numbers", "numbers", n=4),
            step("squares", "square", x=ITEM, each=gave("numbers")),
            step("total", "total", values=gave("squares")),
        ),
        {"squares": [1, 4, 9, 16], "total.sum": 30, "total.mean": 7.5, "total.text": "[1, 4, 9, 16] 1.0"},
    ),
}
