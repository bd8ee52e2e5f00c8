"""Rows of the settings that would declare what a cache waits for, for a person to read and to keep."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

import msgspec

from couler_plugins.caching.declarations import PLACE
from couler_plugins.caching.row_keys import PREFIX, as_key
from couler_plugins.caching.waivers import waiver_of
from couler_plugins.driver.results import Result
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.ir import Literal, Operation
from couler_plugins.net.redacting import redact
from couler_plugins.plan import Decision

VALUES = {
    "unbounded-output": ("max-output-bytes", "4096"),
    "uncounted": ("max-items", "100"),
    "no-inputs": ("version", '"1"'),
}
"""What else a row has to say, by the rule that wants it, with a value to begin with."""
CHOICE = '  # or "out", or "in,out"'
SHOWN = 3
"""How many call sites, words of a command, and images of a proposal are named."""
LENGTH = 100
SAID = re.compile(r"(max-output-bytes|cache-workspace\.[\w.-]+)(?::| =) (\w+)")
"""What a remedy says that a row can say as well: in a workspace, and of a size limit that fits."""


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """One row that an owner may want.

    Attributes:
        task: the operation that it names.
        calls: the steps that would be cached, each with its file and line.
        images: the images of the operation.
        command: the first words of its program.
        outputs: what it hands on.
        allow: the words that it would have to waive.
        values: what else it would have to say, by key, in TOML.
        open: what is against caching and that no row takes away by itself: what to write instead.
        look_at: what a person has to look at, each with its line.
        seconds: what one hit saves, by past runs; None where no run is known.
    """

    task: str
    calls: tuple[str, ...]
    images: tuple[str, ...] = ()
    command: str = ""
    outputs: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    open: tuple[str, ...] = ()
    look_at: tuple[str, ...] = ()
    seconds: float | None = None

    @property
    def row(self) -> str:
        """The row, as comments: what nobody has read declares nothing."""
        lines = [f"# steps: {_few(self.calls)}"]
        lines += [f"# image: {_few(self.images)}"] * bool(self.images)
        lines += [f"# runs: {self.command}"] * bool(self.command)
        lines += [f"# outputs: {', '.join(self.outputs)}"] * bool(self.outputs)
        lines += [f"# one hit saves {self.seconds:.0f} s"] if self.seconds is not None else []
        lines += [f"# look at {item}" for item in self.look_at]
        lines += [f"# also needed: {item}" for item in self.open]
        lines += ["# [[cache.declare]]", f"# task = {json.dumps(self.task)}", "# pure = true"]
        lines += [f"# allow = {json.dumps(list(self.allow))}"] * bool(self.allow)
        # No secrets are in these lines, but names of workspaces may look like some.
        said = [f"# {key} = {value}{CHOICE * key.startswith('workspaces.')}" for key, value in self.values]
        return "\n".join([*map(_in_line, lines), *said, '# reason = ""'])


def proposals(result: Result) -> list[Proposal]:
    """Return a row for each operation whose steps a declaration would let be cached, the most useful first.

    Args:
        result: what the optimizer `cache` says; places of decisions have files and lines.
    """
    workflows = [item for traced in result.workflow_versions if (item := traced.versions[0]) is not None]
    operations = {(workflow.label, item.name): item for workflow in workflows for item in workflow.operations}
    wholes = {(workflow.label, workflow.kind.lower()) for workflow in workflows if not workflow.graphs}
    grouped: dict[str, list[Decision]] = {}
    for decision in result.decisions:
        if decision.optimizer == "cache" and decision.verdict == "declarable":
            library, _, name = (decision.calls or decision.subject).rpartition("/")
            whole = library or decision.workflow
            grouped.setdefault(whole if (whole, name) in wholes else name, []).append(decision)
    rows = [_proposal(task, decisions, operations) for task, decisions in grouped.items()]
    return sorted(rows, key=lambda item: (-(item.seconds or 0) * len(item.calls), -len(item.calls), item.task))


def _proposal(task: str, decisions: Sequence[Decision], operations: dict[tuple[str, str], Operation]) -> Proposal:
    objections = [item for decision in decisions for item in decision.objections]
    names = {((parts := (item.calls or item.subject).rpartition("/"))[0], parts[2]) for item in decisions}
    names |= {(item.workflow, item.calls or item.subject) for item in decisions}
    programs = [operations[name] for name in sorted(names) if name in operations]
    program = programs[0] if programs else None
    seconds = [
        float(value)
        for item in decisions
        for name, value in item.figures
        if name == "seconds saved by a hit" and isinstance(value, int | float)
    ]
    words = {word for item in objections if (word := waiver_of(item.rule)) is not None}
    ordered = {item.remedy for item in objections if item.rule in ("unknown-producer", "uncertain-producer", "lineage")}
    reading = {remedy for remedy in ordered if remedy.startswith(PLACE)}
    words |= {"order"} if ordered - reading else set()
    settled = {"not-declared", "workspace", *VALUES, *(item.rule for item in objections if waiver_of(item.rule))}
    others = [item for item in objections if item.rule not in settled and item.remedy not in ordered - reading]
    return Proposal(
        task=task,
        calls=tuple(dict.fromkeys(_place(item) for item in decisions)),
        images=_images(programs),
        command="" if program is None else _command(program),
        outputs=() if program is None else tuple(f"{item.kind} {item.name}" for item in program.outputs),
        allow=tuple(sorted(words)),
        values=_values(objections),
        open=tuple(dict.fromkeys(item.remedy for item in others if item.rule not in ("no-store", "controller-rights"))),
        look_at=tuple(dict.fromkeys(_line(item) for item in objections if waiver_of(item.rule))),
        seconds=max(seconds) if seconds else None,
    )


def _values(objections: Iterable[Objection]) -> tuple[tuple[str, str], ...]:
    """What else a row has to say; of several size limits the smallest, which fits for all steps."""
    values = dict(VALUES[item.rule] for item in objections if item.rule in VALUES)
    said = {as_key(f"{PREFIX}{key}", text) for item in objections for key, text in SAID.findall(item.remedy)}
    return tuple({**values, **dict(sorted(said, key=_from_largest))}.items())


def _from_largest(value: tuple[str, str]) -> tuple[int, str]:
    return -int(value[1]) if value[1].isdigit() else 0, value[0]


def _place(decision: Decision) -> str:
    place = decision.place
    where = f"{place.file}:{place.line}" if place is not None and place.file and place.line else decision.workflow
    return f"{where} {decision.subject}"


def _line(objection: Objection) -> str:
    place = objection.place
    where = f"{place.file}:{place.line}: " if place is not None and place.file and place.line else ""
    return f"{where}{objection.reason}"


def _in_line(text: str) -> str:
    """A comment without line ends, behind which it would be none, and without what TOML takes in no comment."""
    return "".join(sign if sign.isprintable() else " " for sign in redact(text)).rstrip()


def _images(operations: Iterable[Operation]) -> tuple[str, ...]:
    images = [item.image for operation in operations for item in operation.containers if item.role == "main"]
    return tuple(dict.fromkeys(redact(image.value) for image in images if isinstance(image, Literal)))


def _command(operation: Operation) -> str:
    """The first words of what an operation runs: those of a script are its first line that is no comment."""
    for container in operation.containers:
        if isinstance(container.script, Literal) and isinstance(container.script.value, str):
            lines = [line.strip() for line in container.script.value.splitlines()]
            texts = next(([line] for line in lines if line and not line.startswith("#")), [])
        else:
            words = [item.value for item in (*container.command, *container.args) if isinstance(item, Literal)]
            texts = [text for item in words if isinstance(item, str) for text in item.split()]
        if texts:
            text = redact(" ".join(texts))
            return text if len(text) <= LENGTH else f"{text[:LENGTH]} …"
    return ""


def _few(items: Sequence[str]) -> str:
    more = f", and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return ", ".join(items[:SHOWN]) + more
