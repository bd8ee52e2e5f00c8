"""Conditions over values that are text: what CEL compares with numbers and truth values is converted first.

Sources: KFP's compiler (`pipeline_spec_builder.py`: what conditions it writes), `backend/src/v2/driver` (they are
evaluated over typed values).
"""

from __future__ import annotations

import json
import re

from couler_kfp.converting.refusing import refuse
from couler_kfp.converting.types import Types, constant_of, text_of
from couler_kfp.texts import VALUE
from couler_plugins.ir import Expression, Literal, Native, Reference, Step

__all__ = ["portable_condition"]

STRING = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
PLAIN = re.compile(rf"(?:\s|[()!<>=]|&&|\|\||-?\d+(?:\.\d+)?|\b(?:int|double|true|false)\b|{STRING})*\Z")
TRUTH = re.compile(r"\s*(==|!=)\s*(true|false)\b")
TRUE = "['1', 't', 'T', 'true', 'TRUE', 'True']"
CAST = re.compile(r"(?:int|double)\(\Z")


def portable_condition(step: Step, types: Types) -> Expression | None:
    """The condition of a step over texts, in CEL.

    Raises:
        Unsupported: it is more than comparisons of parameters and constants.
    """
    if step.condition is None:
        return None
    assert isinstance(step.condition, Expression)
    pending = list(step.condition.parts)
    pieces: list[str | Reference] = []
    while pending:
        part = pending.pop(0)
        if isinstance(part, str) and PLAIN.match(part):
            pieces.append(part)
        elif not isinstance(part, Reference):
            raise refuse("Step.condition", step.name, "has a condition that is more than comparisons of parameters")
        elif part.to == "unknown":
            pieces.append(_constant(part, step))
        elif (kind := types.of(part) or "STRING") in ("LIST", "STRUCT"):
            raise refuse("Step.condition", step.name, f"compares a {kind}")
        elif kind == "BOOLEAN":
            behind = pending[0] if pending and isinstance(pending[0], str) else ""
            compared = TRUTH.match(behind)
            if compared:
                pending[0] = behind[compared.end() :]
            wanted = not compared or (compared[1] == "==") is (compared[2] == "true")
            pieces += ["(" if wanted else "!(", part, f" in {TRUE})"]
        elif kind != "STRING" and not CAST.search("".join(map(str, pieces[-1:]))):
            pieces += ["double(", part, ")"]
        else:
            pieces.append(part)
    return Expression(language="cel", parts=tuple(pieces))


def _constant(reference: Reference, step: Step) -> str:
    """A constant that a condition reads by the name of the task's input."""
    named = VALUE.match(reference.native or reference.name)
    argument = next((item.value for item in step.arguments if named and item.name == named[2]), None)
    if not isinstance(argument, (Literal, Native)):
        raise refuse("Step.condition", step.name, f"has a condition on {reference.name}, which it is not given")
    constant = constant_of(argument)
    return json.dumps(constant) if isinstance(constant, (str, bool, int, float)) else json.dumps(text_of(constant))
