"""The tuner `optuna`: Bayesian optimization by a Gaussian process, or any of Optuna's own samplers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from couler_plugins.errors import InvalidInput
from couler_plugins.extras import install_hint
from couler_plugins.options.fields import check_range

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

    from couler_plugins.hookspecs.trials import Proposal, Task, Trial

__all__ = ["LARGEST_SEED", "Optuna", "Sampler", "propose", "pruner_of", "require_optuna"]

Sampler = Literal["gp", "tpe", "cma-es", "random", "qmc", "nsga-ii"]
LARGEST_SEED = 1_000_000_000
"""All samplers take it: Optuna's want 32 bits."""
STARTS = 4
"""Observations before a Gaussian process is asked."""
DRAWS = 20
"""How often something new is looked for until then."""


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
    return (
        _by_process(task, trials, number, seed) if sampler == "gp" else _by_optuna(sampler, task, trials, number, seed)
    )


def require_optuna() -> None:
    """Sees to it that Optuna is there, and says only what is wrong.

    Raises:
        InvalidInput: it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise InvalidInput(f"Optuna is needed here: {error}", hint=install_hint("tune")) from error
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


def _by_process(task: Task, trials: Sequence[Trial], number: int, seed: int) -> Proposal | None:
    import numpy as np  # whoever lists the tuners needs none of this

    from couler_plugins.hookspecs.trials import Proposal
    from couler_plugins.hpo.surrogate import near_the_middle, suggest, untried

    rng = np.random.default_rng([seed, number])
    costs = [(dict(trial.values), task.cost(trial.value)) for trial in trials if trial.value is not None]
    failed = [dict(trial.values) for trial in trials if trial.state == "failed" and trial.values]
    pending = [dict(trial.values) for trial in trials if trial.state == "running" and trial.values]
    if len(costs) < STARTS:
        tried = [*(values for values, _ in costs), *failed, *pending]
        for places in near_the_middle(task.space, DRAWS, rng):
            values = task.space.at(dict(zip(task.space.names, map(float, places), strict=True)))
            if values not in tried:
                return Proposal(
                    values=tuple(values.items()), reason="drawn near the middle of the space, to begin with"
                )
    if not costs and not failed:
        choices = untried(task.space, pending, rng)
        if choices is None:
            return None
        return Proposal(values=tuple(choices.items()), reason="drawn from what is left of the space")
    # Where nothing was ever measured, all that failed is equally bad, and the farthest from it is the best guess.
    worst = max((cost for _, cost in costs), default=0.0)
    done = [*costs, *((values, worst) for values in failed)]
    suggestion = suggest(task.space, done, pending, rng)
    if suggestion is None:
        return None
    return Proposal(
        values=tuple(suggestion.values.items()),
        reason="the largest improvement is expected here, by a Gaussian process",
        predicted=task.cost(suggestion.cost),  # which is its own inverse
    )


def _by_optuna(sampler: Sampler, task: Task, trials: Sequence[Trial], number: int, seed: int) -> Proposal:
    """Asks a sampler in a study of its own that lives in memory, so that no state is kept between two calls."""
    require_optuna()
    import numpy as np
    import optuna

    from couler_plugins.hookspecs.trials import Proposal
    from couler_plugins.hpo.optuna_bridge import frozen, suggested

    usable = [trial for trial in trials if trial.values and (trial.value is not None or trial.state == "running")]
    stateful = sampler in ("cma-es", "qmc", "nsga-ii")
    own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    study = optuna.create_study(sampler=_sampler(sampler, seed, own))
    for trial in usable:
        if stateful and trial.state == "complete":  # they count what they were asked, so they are asked again
            study.enqueue_trial(frozen(trial, task).params)
            request = study.ask()
            suggested(request, task.space)
            study.tell(request, task.cost(trial.value or 0.0))
        else:
            study.add_trial(frozen(trial, task))
    values = suggested(study.ask(), task.space)
    return Proposal(values=tuple(values.items()), reason=f"Optuna's sampler {sampler} proposes it")


def _sampler(name: Sampler, seed: int, own: int) -> BaseSampler:
    """A sampler of Optuna: the tuner's seed is for what has to be the same in all trials, `own` for the rest."""
    import warnings

    from optuna import samplers
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # what is experimental is how they are called
        match name:
            case "tpe":
                return samplers.TPESampler(seed=own, constant_liar=True)
            case "cma-es":
                return samplers.CmaEsSampler(
                    seed=seed, independent_sampler=samplers.RandomSampler(seed=own), warn_independent_sampling=False
                )
            case "qmc":
                return samplers.QMCSampler(
                    seed=seed,
                    scramble=True,
                    independent_sampler=samplers.RandomSampler(seed=own),
                    warn_independent_sampling=False,
                )
            case "nsga-ii":
                return samplers.NSGAIISampler(seed=own)
            case _:
                return samplers.RandomSampler(seed=own)
