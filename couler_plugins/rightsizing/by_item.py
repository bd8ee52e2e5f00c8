"""Memory by item: where the items of a loop differ, each gets what it needs, and no longer what the largest needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from couler_plugins.documents.mappings import by_key
from couler_plugins.ir import CallSite, ItemSizes, Operation, memory_text, parse_quantity
from couler_plugins.rightsizing.attempts import demand_of
from couler_plugins.rightsizing.rules import Rule
from couler_plugins.rightsizing.sizes import Targets, rounded
from couler_plugins.runs import Attempt, Run, site_of, tries_of

ITEM = re.compile(r"\d+:(.*)\)", re.DOTALL)

SEVERAL = "it is called more than once: memory by item is for the one call of a loop"
NOWHERE = "all its items have one size: they are not in the file, or no parameter tells them apart"


def size_items(
    kit: ItemSizes,
    operation: Operation,
    sites: Sequence[CallSite],
    attempts: Mapping[str, Sequence[Attempt]],
    rule: Rule,
    targets: Targets,
    *,
    is_alone: bool,
) -> tuple[Operation, str]:
    """Return an operation with memory by item of the loop that calls it, and what became of that, in half a sentence.

    Args:
        kit: how its engine does that.
        operation: the operation, with the memory that its largest item needs.
        sites: its calls.
        attempts: what `attempts_by_item` returns.
        rule: what its owner says.
        targets: what sizes are to be like.
        is_alone: whether nothing but the loop has called it in the past; other workflows may, with the same values.
    """
    loops = [site for site in sites if site.step.loop is not None]
    largest = _memory(operation)
    # One that was written before overrules the memory of the container, and would say what is no longer so.
    same = kit.write(operation, "", {}, "") if kit.is_written(operation) and not rule.keeps_limits else operation
    if not loops or largest is None or rule.keeps_limits:
        return same, "" if same == operation else NOWHERE
    items = kit.items_of(loops[0].step)
    if len(sites) > 1 or not is_alone or items is None or (objection := kit.objection(operation)):
        return same, SEVERAL if len(sites) > 1 or not is_alone else NOWHERE if items is None else objection
    sizes = {item: _size(attempts.get(text, ()), rule, targets) for text, item in items.values.items()}
    bound = largest * (1 - targets.change)
    smaller = {item: memory_text(size) for item, size in sizes.items() if size is not None and size < bound}
    sized = kit.write(operation, items.parameter, smaller, memory_text(largest))
    few = [item for item, size in sizes.items() if size is None]
    unknown = f"; of {len(few)} fewer than {targets.min_samples} attempts are known" if few else ""
    settled = "it is written already: " if smaller and sized == operation else ""
    return sized, f"{settled}{len(smaller)} of {len(sizes)} items need less memory than the request for all{unknown}"


def attempts_by_item(runs: Iterable[Run], site: str) -> Mapping[str, list[Attempt]]:
    """Return the attempts of a loop's items, by the text that names of steps show of an item."""
    name = f"/{site.rpartition('/')[2]}("
    steps = (ran for run in runs for ran in run.steps if site_of(ran) == site)
    items = ((match[1], ran) for ran in steps if (match := ITEM.fullmatch(ran.step.rpartition(name)[2])))
    return by_key((item, attempt) for item, ran in items for attempt in tries_of(ran))


def _size(attempts: Sequence[Attempt], rule: Rule, targets: Targets) -> float | None:
    demand = demand_of(attempts, "main")
    if demand.memory is None or demand.completed < targets.min_samples or demand.unlimited:
        return None
    return rounded("memory", demand.memory * (1 + targets.margin), {**targets.bounds, **rule.bounds})


def _memory(operation: Operation) -> float | None:
    """Return the memory that the main container of an operation asks for, and may have; None where these differ."""
    main = next((item for item in operation.containers if item.role == "main"), None)
    limit, request = (dict(pairs).get("memory") for pairs in ((main.limits, main.requests) if main else ((), ())))
    amounts = {parse_quantity(getattr(value, "value", None)) for value in (limit, request or limit)}
    return amounts.pop() if len(amounts) == 1 else None
