"""Seeding of NumPy's `RandomState`: it draws by chance first and takes a seed then; the call tells if it has one."""

from __future__ import annotations

import ast
import itertools
import linecache
from types import FrameType
from typing import Any

from couler_plugins.caching.reads.dispatch import unobserved

NUMBERS = ("int", "abs", "len", "hash", "sum", "crc32")
"""Functions that never return None."""
LATER = {"optuna.samplers._lazy_random_state": "_seed"}
"""Modules that give a seed to what they have made, and the attribute that holds it."""


def is_seeding(frame: FrameType) -> bool:
    """Tell whether code is in a call of `RandomState` with a seed that is not None."""
    call = _call(frame)
    if call is None or ast.unparse(call.func).rpartition(".")[2] != "RandomState":
        return False
    if (attribute := LATER.get(str(frame.f_globals.get("__name__")))) is not None:
        return vars(frame.f_locals["self"]).get(attribute) is not None
    arguments = [*call.args, *(item.value for item in call.keywords)]
    return len(arguments) == 1 and _is_value(arguments[0], frame)


def _call(frame: FrameType) -> ast.Call | None:
    """The call that code is in, from its source."""
    code = frame.f_code
    positions = next(itertools.islice(code.co_positions(), frame.f_lasti // 2, None), None)
    if positions is None or None in positions:
        return None
    first, last, start, end = positions
    with unobserved():
        lines = [line.encode() for line in linecache.getlines(code.co_filename)[(first or 1) - 1 : last]]
    if not lines:
        return None
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    try:
        expression = ast.parse(b"".join(lines), mode="eval").body
    except (SyntaxError, ValueError):
        return None
    return expression if isinstance(expression, ast.Call) else None


def _is_value(node: ast.expr, frame: FrameType) -> bool:
    """Tell whether an expression is not None, without evaluating what may do anything."""
    if isinstance(node, ast.BinOp):
        return True  # None has no operators
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in NUMBERS
    return _value(node, frame) is not None


def _value(node: ast.expr, frame: FrameType) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return frame.f_locals.get(node.id, frame.f_globals.get(node.id))
    if isinstance(node, ast.Attribute):
        return getattr(_value(node.value, frame), "__dict__", {}).get(node.attr)
    if isinstance(node, ast.Subscript):
        holder = _value(node.value, frame)
        key = _value(node.slice, frame)
        return holder.get(key) if type(holder) is dict and isinstance(key, (str, int)) else None
    return None
