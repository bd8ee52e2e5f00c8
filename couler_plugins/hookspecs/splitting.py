"""Contract of splitting: sizes and limits of a workflow, and how an engine runs its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from couler_plugins.ir import Bond, Reference, Step, Workflow
from couler_plugins.plan import Link

__all__ = ["Extent", "Load", "Parts", "Splitting"]


class Extent(NamedTuple):
    """How large a workflow is, as its engine counts it.

    Attributes:
        bytes: of its document as JSON.
        steps: in its largest graph; as a limit, `sys.maxsize` for none.
        definitions: graphs and operations.
    """

    bytes: int
    steps: int
    definitions: int


class Load(NamedTuple):
    """What a step adds to its part: an upper estimate, additive over steps but for what they call.

    Attributes:
        bytes: of its own.
        pods: that it starts, for all items of its loop; None where only the run can tell.
        called: the bytes of all that it calls, directly and through others, by name; a part has each once.
    """

    bytes: int
    pods: int | None
    called: Mapping[str, int]


class Parts(NamedTuple):
    """A workflow whose parts run by themselves.

    Attributes:
        coordinator: what is left of the workflow: it starts the parts, or says which there are to what does.
        workflows: the parts, in the order of their graphs; those of the graph's finalizers, which are in no graph,
            come after them.
        links: what crosses between them.
        side: documents that the coordinator needs beside it, such as permissions.
        notes: what whoever runs the workflow does otherwise from now on, and why.
    """

    coordinator: Workflow
    workflows: tuple[Workflow, ...]
    links: tuple[Link, ...]
    side: tuple[Any, ...]
    notes: tuple[tuple[str, str], ...] = ()


class Splitting(Protocol):
    """An adapter's facet for one workflow that may be split."""

    @property
    def graph(self) -> str:
        """The graph whose steps are distributed over parts."""

    @property
    def partitioner(self) -> str:
        """What cuts the graph where the user names nothing else: a partitioner, with its options."""

    @property
    def nests(self) -> bool:
        """Whether steps can be moved into graphs of the same workflow."""

    @property
    def coordinates(self) -> bool:
        """Whether the workflow is what is left of one that was split: it starts parts."""

    @property
    def limits(self) -> Extent:
        """What a workflow may have at most, with room for what the engine adds while it runs."""

    def extent(self, workflow: Workflow) -> Extent:
        """How large a workflow is: this one, what came of it, or a part of it."""

    def load(self, step: Step) -> Load:
        """What a step of the graph adds to its part."""

    @property
    def wrapper(self) -> Extent:
        """What a part has that holds no steps yet; its steps are none."""

    def crossing(self, value: Reference, size: int | None) -> tuple[int, int]:
        """The bytes that a value of a step adds to the part that makes it, and to each part that reads it.

        Args:
            value: an output of a step.
            size: bytes that all outputs of that step had together in past runs; None where that is not known.
        """

    def bonds(self) -> Sequence[Bond]:
        """The steps that have to stay together, and why.

        Raises:
            Unsupported: the workflow cannot be split, whatever stays together.
        """

    def detach(self, parts: Mapping[str, Sequence[str]]) -> Parts:
        """Makes workflows of the parts.

        Args:
            parts: the names of each part's steps, by the name of the part, in an order in which they may start.
        """

    def original(self, file: str, text: str) -> tuple[Any, ...]:
        """Documents that keep the text of the file that the workflow was read from, for `couler rollback`."""
