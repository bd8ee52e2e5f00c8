"""Contract of tuning inside workflows: marks on steps, and trials run by the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import msgspec

from couler_plugins.ir import Graph, Literal, Operation, Port, Reference, Step, Workflow

if TYPE_CHECKING:
    from couler_plugins.hookspecs.parameters import Value as Setting

__all__ = ["FanOut", "Trials", "Tuning"]


class Trials(msgspec.Struct, frozen=True, kw_only=True):
    """Trials that are to run before a step, which then gets the best setting.

    Attributes:
        workflow: what all of this is in.
        graph: the graph of the step.
        step: the step, as its owner wrote it.
        callee: what it calls.
        settings: the values of each trial, by hyperparameter, as the engine spells them; the owner's own come first.
        parameters: the parameters of the workflow that hand hyperparameters to the step. A run may get others than the
            workflow says, so that the first setting is what they are then, where the engine can do that.
        metric: what counts, by the name that its owner gave it.
        output: the output parameter that holds it; empty where it is what the step prints.
        maximize: whether more of it is better.
        trials, best: names for the step that runs the trials, and for the one that picks the best; nobody has them.
        parallel: how many of the trials may run at a time; 0 for any number.
        image: with `python3` and `sh`, for whatever has to run beside the owner's own programs.
    """

    workflow: Workflow
    graph: Graph
    step: Step
    callee: Operation
    settings: tuple[tuple[tuple[str, Literal], ...], ...]
    parameters: Mapping[str, Reference]
    metric: str
    output: str
    maximize: bool
    trials: str
    best: str
    parallel: int
    image: str

    @property
    def names(self) -> tuple[str, ...]:
        """The hyperparameters."""
        return tuple(name for name, _ in self.settings[0])

    @property
    def chosen(self) -> dict[str, Reference]:
        """The values of the best setting, by hyperparameter: what picks it hands them out."""
        return {name: Reference(to="output", kind="parameter", step=self.best, name=name) for name in self.names}


class FanOut(msgspec.Struct, frozen=True, kw_only=True):
    """Trials as an engine runs them.

    Attributes:
        trials: the step that runs the trials, in a loop of the engine's own. Trials that fail do not fail it, where
            the engine can do that.
        best: the step that picks the best setting: an output parameter for each hyperparameter, by its name.
        step: the step itself, with its hyperparameters from `best`; all else in it stays as it was.
        added: what the first two call, where that is new.
        note: what its owner should know, in half a sentence; empty where that is nothing.
    """

    trials: Step
    best: Step
    step: Step
    added: tuple[Graph | Operation, ...] = ()
    note: str = ""


class Tuning(Protocol):
    """An adapter's facet for one workflow whose steps may be tuned."""

    @property
    def part_of(self) -> str:
        """The workflow that was split, where this is a part of it: it is tuned before that, or not at all."""

    @property
    def cached(self) -> bool:
        """Whether the optimizer `cache` has been here: its keys cover what would be tuned, and are not made anew."""

    def requests(self) -> Mapping[tuple[str, str], tuple[str, str]]:
        """What owners say of tuning steps: (where, text of `couler.io/tune`), by graph and step.

        The graph is empty for what is called from outside of all graphs.
        """

    @property
    def tuned(self) -> str:
        """What `with_tuned` left in the workflow; empty where that is nothing."""

    def with_tuned(self, workflow: Workflow, text: str) -> Workflow:
        """The workflow with a note in it, in place of an earlier one: what tuning did to it, for when it runs again."""

    def literal(self, value: Setting, port: Port) -> Literal:
        """A value of a hyperparameter as the engine passes it to an input.

        Raises:
            Unsupported: the engine would pass on another one.
        """

    def prints(self, callee: Operation) -> bool:
        """Whether what an operation prints can be read by other steps."""

    def fan_out(self, trials: Trials) -> FanOut:
        """The trials in the engine's own terms.

        Raises:
            Unsupported: the engine cannot run them; it says why, and what to do.
        """
