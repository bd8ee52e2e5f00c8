"""What owners say of fusing, in annotations and in rows of the settings, `[[tool.couler.fuse.declare]]`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, get_args

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.fusing import Word
from couler_plugins.ir import CallSite, Operation, Workflow
from couler_plugins.options.rows import Row, check_keys
from couler_plugins.rightsizing.rules import selects

FUSE, ALLOW = "couler.io/fuse", "couler.io/fuse-allow"
IDEMPOTENT = "idempotent"
NEVER = "never"
WORDS = tuple(word for word in get_args(Word) if word != IDEMPOTENT)
"""What `allow` may hold: that a step is idempotent is said as for `guard`."""
KEYS: Mapping[str, type | tuple[type, ...]] = {"fuse": str, IDEMPOTENT: bool, "allow": (str, list)}


class Say(NamedTuple):
    """What its owner says of a step.

    Attributes:
        refusal: why it is to stay by itself; empty where it may be fused.
        words: what else is said.
        idempotent: whether a row says that it may run twice, or that it may not; None where none says so.
    """

    refusal: str = ""
    words: frozenset[str] = frozenset()
    idempotent: bool | None = None


def unknown_words(words: Iterable[object]) -> str:
    """Return what is wrong with words that are to be allowed; empty where nothing is."""
    odd = next((word for word in words if word not in WORDS), None)
    return "" if odd is None else f"'allow' cannot be {odd!r:.40}; the words are {', '.join(WORDS)}"


def check_rows(rows: Sequence[Row]) -> None:
    """Refuse rows that say nothing that `fuse` understands.

    Raises:
        InvalidInput: at least one does; the error names all problems, with their lines.
    """
    if problems := [problem for row in rows for problem in _problems(row)]:
        raise InvalidInput("; ".join(problems), hint="see docs/fuse.md")


def _problems(row: Row) -> Iterator[str]:
    yield from check_keys(row, KEYS)
    if not row.content:
        yield f'{row.place}: it says nothing: add fuse = "never"'
    if row.content.get("fuse", NEVER) != NEVER:
        yield f"{row.place}: 'fuse' cannot be {row.content['fuse']!r:.40}; write {NEVER}"
    if problem := unknown_words(_texts(row.content.get("allow", []))):
        yield f"{row.place}: {problem}"
    if (row.content.get(IDEMPOTENT) is True or "allow" in row.content) and not row.names_steps:
        yield f"{row.place}: it needs a step, a task or an image, and not only wildcards"


def _texts(content: object) -> list[object]:
    return content if isinstance(content, list) else [content]


def say_at(
    workflow: Workflow,
    site: CallSite,
    operation: Operation | None,
    annotations: Mapping[str, object],
    task: str,
    rows: Sequence[Row],
) -> Say:
    """Return what is said of a call. `never` counts wherever it stands; else the nearest annotation does, and all rows.

    Args:
        workflow: the workflow that it is in.
        site: the call.
        operation: what it calls; None where that is not known.
        annotations: those of what it calls, and of what is around that where it has none of that name.
        task: what its owner calls that.
        rows: the rows of the settings.
    """
    graph, step = site.graph.name if site.graph is not None else "", site.step.name
    names = (f".{graph}.{step}", f".{step}", "")
    if (lost := _lost(workflow, annotations)) is not None:
        return Say(f"its annotation {lost} names no step, or several of one name")
    for key in (FUSE + name for name in names):
        if (word := annotations.get(key, NEVER)) != NEVER:
            return Say(f"its annotation {key} says {word!r:.40}: write {NEVER}")
        if key in annotations:
            return Say(f"its annotation {key} says so")
    said = next((annotations[ALLOW + name] for name in names if ALLOW + name in annotations), "")
    words = [word.strip() for word in str(said).split(",") if word.strip()]
    if problem := unknown_words(words):
        return Say(f"of its annotation {ALLOW}, {problem}")
    idempotent: bool | None = None
    for row in rows:
        if selects(row, workflow, task, operation, [site.label] if graph else []):
            if row.content.get("fuse") == NEVER:
                return Say(f"{row.place} says so")
            words += map(str, _texts(row.content.get("allow", [])))
            if IDEMPOTENT in row.content and idempotent is not False:
                idempotent = bool(row.content[IDEMPOTENT])
    return Say("", frozenset(words), idempotent)


def _lost(workflow: Workflow, annotations: Mapping[str, object]) -> str | None:
    """Return an annotation of a step that is not there, or that allows what one of several graphs may mean."""
    own = [key for key in annotations if key.startswith((f"{FUSE}.", f"{ALLOW}."))]
    steps = [(graph.name, one.name) for graph in workflow.graphs for one in graph.steps] if own else []
    counts = Counter([*(step for _, step in steps), *(f"{graph}.{step}" for graph, step in steps)])
    names = ((key, counts[key.partition(".io/")[2].partition(".")[2]]) for key in own)
    return next((key for key, count in names if count != 1 and not (count and key.startswith(f"{FUSE}."))), None)
