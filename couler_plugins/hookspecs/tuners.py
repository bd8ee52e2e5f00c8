"""Contract of tuners: they propose the hyperparameters of the next trial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

from couler_plugins.hookspecs.trials import Proposal, Task, Trial
from couler_plugins.markers import hookspec

__all__ = ["Tuner", "couler_tuners"]


class Tuner(Protocol):
    """A way of proposing hyperparameters: a frozen dataclass whose fields are its options.

    It holds no state: what it knows is in the task and in the trials, its own notes included. So trials may be
    distributed over processes and pods, and a study that was killed goes on as if nothing had been. Chance comes from
    an option `seed` and the trial's number.
    """

    name: ClassVar[str]
    """Kebab-case, unique among all plugins."""

    def propose(self, task: Task, trials: Sequence[Trial], number: int) -> Proposal | None:
        """What to try next, a setting of the task's space; None where there is nothing left to try.

        The defaults of the space, where it has all, have been the first trial before anyone is asked.

        Args:
            task: what is tuned.
            trials: the other trials so far, in order; those that are running have no value yet.
            number: of the trial that the proposal is for.
        """


@hookspec
def couler_tuners() -> list[type[Tuner]]:  # type: ignore[empty-body]  # pluggy wants none
    """Return the tuners of this plugin."""
