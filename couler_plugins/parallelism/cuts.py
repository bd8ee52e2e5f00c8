"""A workflow's graph cut into named parts, and what adapters share that make workflows of these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.dag import Budget
from couler_plugins.hookspecs.splitting import Splitting
from couler_plugins.ir import Step, Workflow, callables, references
from couler_plugins.parallelism import staging
from couler_plugins.parallelism.bonds import Contraction
from couler_plugins.parallelism.check import Part, parts_of
from couler_plugins.parallelism.graphing import Graphed
from couler_plugins.parallelism.solution import barrier_makespan, makespan_bound
from couler_plugins.plan import Link
from couler_plugins.plan import Part as NamedPart
from couler_plugins.plan.part_files import kept
from couler_plugins.runs.order import longest_path


@dataclass(frozen=True)
class Cut:
    """How the graph of a workflow is cut.

    Attributes:
        workflow: before it is cut.
        view: its graph, as partitioners see it.
        contraction: the same with what has to stay together as one.
        labels: the number of each step's part.
        budget: what a part may have.
        prefix: what new parts are called, before their numbers.
        previous: the parts of an earlier cut: a part is called as the one that it has most steps of.
    """

    workflow: Workflow
    view: Graphed
    contraction: Contraction
    labels: tuple[int, ...]
    budget: Budget
    prefix: str
    previous: Sequence[NamedPart] = ()

    @cached_property
    def parts(self) -> dict[str, Part]:
        """The parts by name, in an order in which they may start."""
        parts = parts_of(self.view.dag, self.labels)
        return dict(zip(self._names([self._steps(part) for part in parts]), parts, strict=True))

    @cached_property
    def members(self) -> dict[str, list[str]]:
        """The names of the steps of each part."""
        return {name: self._steps(part) for name, part in self.parts.items()}

    @property
    def named(self) -> tuple[NamedPart, ...]:
        """The parts as a plan keeps them."""
        return tuple(
            NamedPart(workflow=self.workflow.label, name=name, steps=tuple(steps))
            for name, steps in self.members.items()
        )

    def seconds(self, launch: float) -> dict[str, float]:
        """What each part takes, by its name: its launch, and the longest path through its own steps."""
        dag, stages = self.view.dag, self.view.stages
        if stages is None:
            lengths = {name: longest_path(part.members, dag.parents, dag.seconds) for name, part in self.parts.items()}
            return {name: launch + length for name, length in lengths.items()}
        seconds: dict[str, float] = {}
        for name, part in self.parts.items():
            own = [[step for step in steps if self.labels[step] == part.label] for steps in stages]
            seconds[name] = staging.makespan(dag, [steps for steps in own if steps], self.labels, launch)
        return seconds

    def makespans(self, launch: float) -> tuple[float, float]:
        """Seconds of the whole before it is cut, and of the parts."""
        dag, stages = self.view.dag, self.view.stages
        if stages is not None:
            before = staging.makespan(dag, stages, [0] * len(dag), 0.0)
            return before, staging.makespan(dag, stages, self.labels, launch)
        return dag.critical_path(), barrier_makespan(dag, self.labels, launch)

    def bound(self, launch: float) -> float:
        """Seconds that no cut within the budget goes below; it takes longer than a near-linear cut."""
        if self.view.stages is not None:
            return self.makespans(launch)[0] + launch
        return makespan_bound(self.contraction.dag, self.budget, launch)

    def _steps(self, part: Part) -> list[str]:
        return [self.view.dag.names[step] for step in part.members]

    def _names(self, parts: Sequence[Sequence[str]]) -> list[str]:
        """The name of each part: an earlier one where it follows that, largest overlaps first, else a new number."""
        before = {step: part.name for part in self.previous for step in part.steps}
        overlaps = Counter((before[step], at) for at, steps in enumerate(parts) for step in steps if step in before)
        names: dict[int, str] = {}
        for (name, at), _ in sorted(overlaps.items(), key=lambda item: (-item[1], item[0])):
            if at not in names and name not in names.values():
                names[at] = name
        used = {part.name for part in self.previous}.union(callables(self.workflow))
        fresh = (
            name for number in range(1, 2 + len(parts) + len(used)) if (name := f"{self.prefix}-{number}") not in used
        )
        return [names[at] if at in names else next(fresh) for at in range(len(parts))]


def earlier_labels(previous: Sequence[NamedPart], names: Sequence[str]) -> Mapping[str, int] | None:
    """The numbers that steps' parts had in an earlier cut; None where there was none.

    Args:
        previous: its parts, in the order in which they could start.
        names: the steps that are asked for.
    """
    labels = {step: number for number, part in enumerate(previous) for step in part.steps}
    return {name: labels[name] for name in names if name in labels} or None


class DocumentSplitting(Splitting):
    """The facet of one workflow of an engine whose parts are documents beside it.

    Args:
        workflow: the workflow.
    """

    partitioner = "critical-path"
    nests = False
    coordinates = False

    def __init__(self, workflow: Workflow) -> None:
        self._workflow = workflow
        self._by_name = callables(workflow)

    def original(self, file: str, text: str) -> tuple[Any, ...]:
        """ConfigMaps with the text; see `couler_plugins.plan.part_files`."""
        return kept(base_name(self._workflow), self._workflow.namespace, file, text)


def base_name(workflow: Workflow) -> str:
    """What the parts of a workflow are called after."""
    return workflow.name or workflow.prefix.rstrip("-.")


def links_between(steps: Iterable[Step], parts: Mapping[str, str]) -> Iterator[Link]:
    """What crosses between the parts that steps stand for.

    Args:
        steps: these and others, in order.
        parts: the name of the part's workflow, by that of the step.
    """
    return (
        Link(
            producer=parts[reference.step],
            output=reference.name,
            consumer=parts[step.name],
            input=argument.name,
            kind=argument.kind,
        )
        for step in steps
        if step.name in parts
        for argument in step.arguments
        for reference in references(argument.value)
        if reference.step in parts
    )


def refuse_parts(workflow: Workflow, step: str, reasons: Iterable[tuple[str, str]], what: str = "") -> None:
    """Refuses to split a workflow whose parts could not do together what it does.

    Args:
        workflow: the workflow.
        step: what the error is about.
        reasons: why not, each with a hint; the first one counts.
        what: into what it cannot be split; empty for whatever it is.

    Raises:
        Unsupported: there is a reason.
    """
    for reason, hint in reasons:
        message = f"{workflow.label} cannot be split{what}: {reason}"
        raise Unsupported(message, engine=workflow.engine, step=step, hint=hint)
