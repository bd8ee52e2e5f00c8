"""What owners say of sizes, in annotations and in rows of the settings, `[[tool.couler.rightsize.declare]]`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Literal, Operation, PodSizes, Workflow, parse_quantity
from couler_plugins.options.rows import Row, check_keys, matches

ANNOTATION = "couler.io/rightsize"
NEVER, KEEP = WORDS = ("never", "keep-limits")
BOUNDS = ("min-memory", "max-memory", "min-cpu", "max-cpu")
KEYS: Mapping[str, type | tuple[type, ...]] = {"rightsize": str, **dict.fromkeys(BOUNDS, (str, int, float))}

SIZES = {"memory": (2.0**20, 2.0**50), "cpu": (0.001, 4096.0)}


class Rule(NamedTuple):
    """What its owner says of the sizes of an operation.

    Attributes:
        refusal: why nothing is to be changed; empty where something may be.
        keeps_limits: whether limits stay as they are.
        bounds: cores and bytes by the key that says so.
    """

    refusal: str = ""
    keeps_limits: bool = False
    bounds: Mapping[str, float] = {}


def is_size(key: str, text: object) -> bool:
    """Return whether something is an amount of memory or of CPUs that a container can have: 64 is no memory."""
    least, most = SIZES[key.rpartition("-")[2]]
    amount = parse_quantity(text)
    return amount is not None and least <= amount <= most


def check_rows(rows: Sequence[Row]) -> None:
    """Refuse rows that say nothing that `rightsize` understands.

    Raises:
        InvalidInput: at least one does; the error names all problems, with their lines.
    """
    if problems := [problem for row in rows for problem in _problems(row)]:
        raise InvalidInput("; ".join(problems), hint="see docs/rightsize.md")


def _problems(row: Row) -> Iterator[str]:
    yield from check_keys(row, KEYS)
    if not row.content:
        yield f'{row.place}: it says nothing: add rightsize = "never"'
    if (word := row.content.get("rightsize", NEVER)) not in WORDS:
        yield f"{row.place}: 'rightsize' cannot be {word!r:.40}; write {' or '.join(WORDS)}"
    for key in BOUNDS:
        if key in row.content and not is_size(key, row.content[key]):
            yield f"{row.place}: {key!r} cannot be {row.content[key]!r:.40}; write 512Mi or 250m"


def rule_of(
    workflow: Workflow, sizes: PodSizes, operation: Operation | None, steps: Sequence[str], rows: Sequence[Row]
) -> Rule:
    """Return what is said of an operation, or of the pod of a call. `never` counts wherever it stands.

    Args:
        workflow: the workflow that it is in.
        sizes: what that says of it.
        operation: the operation; None where it is in another workflow.
        steps: the names of its calls, `graph/step`.
        rows: the rows of the settings; of two that say the same thing, the first one counts.
    """
    word = sizes.annotations.get(ANNOTATION)
    if word is not None and word not in WORDS:
        return Rule(f"its annotation {ANNOTATION} says {word!r:.40}: write {' or '.join(WORDS)}")
    places: dict[str, object] = {f"its annotation {ANNOTATION} says so": word}
    bounds: dict[str, float] = {}
    for row in rows:
        if selects(row, workflow, sizes.task, operation, steps):
            places[f"{row.place} says so"] = row.content.get("rightsize")
            amounts = {key: parse_quantity(row.content[key]) for key in BOUNDS if key in row.content}
            bounds = {key: amount for key, amount in amounts.items() if amount is not None} | bounds
    refusal = next((place for place, said in places.items() if said == NEVER), "")
    return Rule(refusal, KEEP in places.values(), bounds)


def selects(row: Row, workflow: Workflow, task: str, operation: Operation | None, steps: Sequence[str]) -> bool:
    """Return whether a row is about an operation, or about a call of what is in another workflow.

    Args:
        row: the row.
        workflow: the workflow that it is in.
        task: what its owner calls it.
        operation: the operation; None where it is in another workflow.
        steps: the names of its calls, `graph/step`.
    """
    names = {name: name.rpartition("/")[2] for name in steps}
    images = [item.image for item in operation.containers if item.role == "main"] if operation is not None else []
    texts = [str(image.value) if isinstance(image, Literal) else "" for image in images]
    return (
        matches(row, "workflow", [workflow.name or workflow.prefix.rstrip("-"), workflow.label])
        and matches(row, "task", [task])
        and matches(row, "step", [*names, *names.values()])
        and matches(row, "image", [name for text in texts for name in (text, text.partition("@")[0])])
    )
