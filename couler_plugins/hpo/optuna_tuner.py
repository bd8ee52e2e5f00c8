"""The tuner `optuna`: Bayesian optimization by a Gaussian process, or any of Optuna's own samplers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from couler_plugins.errors import restating
from couler_plugins.hookspecs.trials import Proposal, Task, Trial
from couler_plugins.options.fields import check_range

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

Sampler = Literal["gp", "tpe", "cma-es", "random", "qmc", "nsga-ii"]
LARGEST_SEED = 1_000_000_000
"""All samplers take it: Optuna's want 32 bits."""


@dataclass(frozen=True)
class Optuna:
    """Proposes by what the trials so far have measured: by a Gaussian process, or by a sampler of Optuna.

    Attributes:
        sampler: what proposes. `gp` is our own, as Optuna's needs PyTorch; the others are Optuna's.
        seed: of all that is drawn.
    """

    name: ClassVar[str] = "optuna"
    sampler: Sampler = "gp"
    seed: int = 0

    def __post_init__(self) -> None:
        """Checks the options.

        Raises:
            ValueError: one is out of range.
        """
        check_range("seed", self.seed, 0, LARGEST_SEED)

    def propose(self, task: Task, trials: Sequence[Trial], number: int) -> Proposal | None:
        """What to try next; None where every setting of the space was tried."""
        return propose(self.sampler, task, trials, number, self.seed)


def propose(sampler: Sampler, task: Task, trials: Sequence[Trial], number: int, seed: int) -> Proposal | None:
    """What a sampler tries next; the same for the same trials in any process.

    Raises:
        InvalidInput: the sampler is Optuna's, and that is not installed.
    """
    if sampler == "gp":
        from couler_plugins.hpo.surrogate import propose_by_process

        return propose_by_process(task, trials, number, seed)
    require_optuna()
    from couler_plugins.hpo.optuna_bridge import propose_by_optuna

    return propose_by_optuna(sampler, task, trials, number, seed)


def require_optuna() -> None:
    """Sees to it that Optuna is there, and says only what is wrong.

    Raises:
        InvalidInput: it is not installed.
    """
    with restating(ImportError, "Optuna is needed here", extra="tune"):
        import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def pruner_of(name: str) -> BasePruner:
    """What stops bad trials early, as Optuna has it.

    Raises:
        InvalidInput: Optuna is not installed.
    """
    require_optuna()
    from optuna import pruners

    existing: dict[str, Callable[[], BasePruner]] = {
        "median": pruners.MedianPruner,
        "successive-halving": pruners.SuccessiveHalvingPruner,
        "hyperband": pruners.HyperbandPruner,
    }
    return existing[name]()
