"""Memory that grows from attempt to attempt, after one that ran out of it.

Memory grows by `retries` and not by the message: that works in every version (in a template, `lastRetry` is only known
from 3.7 on, and older versions fail at run time), and after an eviction in between nothing falls back to what was too
little. It is bounded, since the number of attempts is.

A pod whose request is more than any node has is pending for ever; its limit may be more. So the request of all attempts
is that of the first, unless their owner says how much memory there is. A request that nobody says is the limit.
"""

from __future__ import annotations

import math
import re

from couler_argo.homes import FORM
from couler_argo.memory_patch import BOUND, FACTOR, GROWN, GROWTH, GROWTH_OF_REQUEST, SIZE
from couler_argo.references import value
from couler_argo.retries import without_memory
from couler_argo.spelling import write
from couler_plugins.ir import Literal, Operation, Value, memory_text, native_home, parse_quantity, replace

HOME = native_home("priority", ("podSpecPatch",), FORM)  # read and written as any setting that is one value


def memory_by_attempt(
    operation: Operation, factor: float, retries: int, most: float | None = None
) -> tuple[Operation, str]:
    """Return a template whose main container gets a factor more memory with each attempt, or why it gets the same."""
    main = next((one for one in operation.containers if one.role == "main" and not one.name), None)
    if main is None:
        return operation, "it has no main container of its own"
    limit, request = (dict(pairs).get("memory") for pairs in (main.limits, main.requests))
    if limit is None:
        return operation, "it has no limit of memory"
    if not all(isinstance(one, Literal) and parse_quantity(one.value) for one in (limit, request or limit)):
        return operation, "only the run knows its memory"
    if HOME.read("", operation) is not None and _written(operation) is None:
        return operation, "it has a podSpecPatch already"
    if most is not None and isinstance(limit, Literal) and (parse_quantity(limit.value) or 0.0) >= most:
        return operation, f"its limit of memory is `max-memory` or more, {memory_text(most)}"
    if most is None:  # a request that nobody says would follow the limit
        size = str(limit.value) if request is None and isinstance(limit, Literal) else ""
    else:
        size = _by_attempt(request, factor, retries, most) if request is not None else ""
    limits = _by_attempt(limit, factor, retries, most)
    bound = BOUND.format(most=memory_text(most)) if most is not None else ""
    text = f"{FACTOR.format(factor=factor)}{bound}\n" if bound or _factor(limits) != factor else ""
    text += GROWTH.format(limit=limits) + (GROWTH_OF_REQUEST.format(request=size) if size else "")
    return HOME.write("", operation, value(text)), ""


def _by_attempt(amount: Value, factor: float, retries: int, most: float | None) -> str:
    first = str(amount.value) if isinstance(amount, Literal) else ""
    sizes = [(parse_quantity(first) or 0.0) * factor**number for number in range(1, retries + 1)]
    later = [memory_text(min(size, most or math.inf)) for size in sizes]
    tests = (f"retries == '{number}' ? '{size}' : " for number, size in enumerate([first, *later[:-1]]))
    return f"{{{{={''.join(tests)}'{later[-1]}'}}}}"


def _written(operation: Operation) -> re.Match[str] | None:
    """Return the patch of a template, if `guard` wrote it."""
    patch = HOME.read("", operation)
    return GROWN.fullmatch(str(write(patch))) if patch is not None else None


def _factor(limits: str) -> float:
    """Return how many times as much each attempt gets as the one before: sizes in whole MiB say that nearly."""
    first, second, *_ = [parse_quantity(size) or 1.0 for size in SIZE.findall(limits)]
    return round(second / first, 2)


def with_new_memory(operation: Operation) -> Operation:
    """Return a template whose attempts get memory by what it has now, where `guard` made it grow before.

    Where it has the most that there is, its attempts get the same: then nothing is repeated for lack of memory.
    """
    if (written := _written(operation)) is None:
        return operation
    factor = float(written["factor"] or _factor(written["limit"]))
    new, why = memory_by_attempt(operation, factor, written["limit"].count("?"), parse_quantity(written["most"]))
    return replace(HOME.write("", operation, None), retry=without_memory(operation.retry)) if why else new
