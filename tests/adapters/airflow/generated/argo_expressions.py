"""Reads what Argo's texts, conditions and expressions say, without adapter code.

Sources: Argo's docs/variables.md, `shouldExecute` in its `workflow/controller/steps.go`, and the checks of types in
govaluate's `evaluationStage.go`, which reads conditions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["chosen", "filled", "holds", "text_of"]

TAG = re.compile(r"\{\{(.*?)\}\}")
CHOICE = re.compile(r"(steps|tasks)\.([-\w]+)\.status == 'Succeeded' \? (.+) : '(\w*)'")
MEMBER = re.compile(r"\[['\"]([^'\"]+)['\"]\]")
TEST = re.compile(r"(.+?) (==|!=) '([^']*)'")
OF_JSON = re.compile(r"jsonpath\((.+), '\$\[(\d+)\]\.(\w+)'\)")
CONDITION = re.compile(r"==|!=|=~|<=|>=|&&|\|\||[<>()]|'[^']*'|\"[^\"]*\"|[^\s=!<>&|()]+")
JOINTS = {"&&": "and", "||": "or", "(": "(", ")": ")"}


def text_of(value: Any) -> str:
    """A value as Argo passes it on."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))


def filled(text: Any, scope: Mapping[str, str]) -> str:
    """A text with the values of its variables and expressions."""
    return TAG.sub(lambda tag: _value(tag[1].strip(), scope), text_of(text))


def _value(inner: str, scope: Mapping[str, str]) -> str:
    if not inner.startswith("="):
        return scope[inner]
    test = TEST.fullmatch(inner[1:].strip())
    if test is None:
        raise AssertionError(f"the judge does not know the expression {inner}")
    found, operator, wanted = test.groups()
    return text_of((_found(found, scope) == wanted) is (operator == "=="))


def _found(expression: str, scope: Mapping[str, str]) -> Any:
    """A variable of an expression, or what lies at a place in one."""
    if place := OF_JSON.fullmatch(expression):
        return json.loads(scope[place[1]])[int(place[2])][place[3]]
    return scope[MEMBER.sub(r".\1", expression)]


def chosen(expression: str, scope: Mapping[str, str]) -> str | None:
    """An expression that is a variable, or one of two values by how a step ended; None for any other."""
    choice = CHOICE.fullmatch(expression)
    if choice is None:
        return scope.get(MEMBER.sub(r".\1", expression))
    root, step, made, otherwise = choice.groups()
    well = scope[f"{root}.{step}.status"] == "Succeeded"
    return scope[MEMBER.sub(r".\1", made)] if well else otherwise


def holds(condition: str) -> bool:
    """Whether a condition holds.

    Raises:
        ValueError: govaluate cannot read it, or compares what cannot be compared.
    """
    if not condition:
        return True
    words = CONDITION.findall(condition)
    if "".join(words) != re.sub(r"\s+", "", condition):
        raise ValueError(condition)
    said: list[str] = []
    while words:
        if words[0] in JOINTS:
            said.append(JOINTS[words.pop(0)])
        elif words[0] in ("true", "false") and (len(words) == 1 or words[1] in JOINTS):
            said.append(str(words.pop(0) == "true"))
        else:
            left, operator, right, *words = words
            said.append(str(_compared(_side(left), operator, _side(right))))
    return bool(eval(" ".join(said), {}))  # nothing but True, False, brackets and operators is left


def _compared(one: str | float | bool, operator: str, other: str | float | bool) -> bool:
    if operator in ("==", "!="):
        return (type(one) is type(other) and one == other) is (operator == "==")
    if type(one) is not type(other) or isinstance(one, bool) or (operator == "=~" and not isinstance(one, str)):
        raise ValueError(f"{one!r} {operator} {other!r}")
    if operator == "=~":
        return bool(re.search(str(other), str(one)))
    return bool(eval(f"{one!r} {operator} {other!r}", {}))  # two constants


def _side(text: str) -> str | float | bool:
    """A side of a comparison: what Argo does not find to be a number or a truth, it takes for a text."""
    if text in ("true", "false"):
        return text == "true"
    if not re.fullmatch(r"\d+(\.\d+)?|[A-Za-z_]\w*|'[^']*'|\"[^\"]*\"", text):
        raise ValueError(text)
    return float(text) if text[0].isdigit() else text.strip("'\"")
