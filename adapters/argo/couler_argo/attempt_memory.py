"""Memory that grows from attempt to attempt, after one that ran out of it.

Memory grows by `retries` and not by the message: that works in every version (in a template, `lastRetry` is only known
from 3.7 on, and older versions fail at run time), and after an eviction in between nothing falls back to what was too
little. It is bounded, since the number of attempts is.
"""

from __future__ import annotations

from couler_argo.homes import FORM
from couler_argo.memory_patch import GROWN, GROWTH, GROWTH_OF_REQUEST, SIZE
from couler_argo.references import value
from couler_argo.spelling import write
from couler_plugins.ir import Literal, Operation, Value, native_home
from couler_plugins.ir.quantities import memory_text, parse_quantity

HOME = native_home("priority", ("podSpecPatch",), FORM)  # read and written as any setting that is one value


def memory_by_attempt(operation: Operation, factor: float, retries: int) -> tuple[Operation, str]:
    """Return a template whose main container gets a factor more memory with each attempt, or why it gets the same."""
    main = next((one for one in operation.containers if one.role == "main" and not one.name), None)
    if main is None:
        return operation, "it has no main container of its own"
    limit, request = (dict(pairs).get("memory") for pairs in (main.limits, main.requests))
    if limit is None:
        return operation, "it has no limit of memory"
    if not all(isinstance(one, Literal) and parse_quantity(one.value) for one in (limit, request or limit)):
        return operation, "only the run knows its memory"
    if HOME.read("", operation) is not None and not grown_sizes(operation):
        return operation, "it has a podSpecPatch already"
    text = GROWTH.format(limit=_by_attempt(limit, factor, retries))
    if request is not None:
        text += GROWTH_OF_REQUEST.format(request=_by_attempt(request, factor, retries))
    return HOME.write("", operation, value(text)), ""


def _by_attempt(amount: Value, factor: float, retries: int) -> str:
    first = str(amount.value) if isinstance(amount, Literal) else ""
    later = [memory_text((parse_quantity(first) or 0.0) * factor**number) for number in range(1, retries + 1)]
    tests = (f"retries == '{number}' ? '{size}' : " for number, size in enumerate([first, *later[:-1]]))
    return f"{{{{={''.join(tests)}'{later[-1]}'}}}}"


def grown_sizes(operation: Operation) -> list[float]:
    """Return the limits of the attempts of a template, as `guard` wrote them; empty where it wrote none."""
    patch = HOME.read("", operation)
    written = GROWN.fullmatch(str(write(patch))) if patch is not None else None
    return [parse_quantity(size) or 0.0 for size in SIZE.findall(written[1])] if written else []


def with_new_memory(operation: Operation) -> Operation:
    """Return a template whose attempts get memory by what it has now, where `guard` made it grow before."""
    sizes = grown_sizes(operation)
    factor = round(sizes[1] / sizes[0], 1) if len(sizes) > 1 and sizes[0] else 0
    return memory_by_attempt(operation, factor, len(sizes) - 1)[0] if factor else operation
