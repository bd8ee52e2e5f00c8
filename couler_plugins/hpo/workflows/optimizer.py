"""The `tune` optimizer: steps that their owner has marked get better hyperparameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from couler_plugins.hookspecs import work_at
from couler_plugins.options.fields import check_range


@dataclass(frozen=True)
class Tune:
    """Give steps that are marked to be tuned better hyperparameters: predicted ones, or the best of some trials.

    Attributes:
        trials: how many settings are tried by the workflow itself before the step, which then runs with the best one;
            0 to write what the tuner predicts most of.
        parallel: how many of them run at a time; 0 for as many as the engine lets.
        tuner: what proposes settings; without one, `optuna` for trials, and none without.
        steps: the only ones to tune, as `graph/step` or `step`; empty for all that are marked.
        task: a file that says what to tune of these steps, in place of their annotations.
        image: with `python3` and `sh`, for what runs beside the trials, where the engine needs one.
    """

    name: ClassVar[str] = "tune"
    before: ClassVar[tuple[str, ...]] = ("parallelize", "cache", "fuse", "split")

    trials: int = 0
    parallel: int = 0
    tuner: str = ""
    steps: tuple[str, ...] = ()
    task: str = ""
    image: str = "python:3.13-alpine"

    def __post_init__(self) -> None:
        """Checks the options.

        Raises:
            ValueError: one is out of range, or makes no sense without another.
        """
        check_range("trials", self.trials, 0, 1_000)
        if self.trials == 1:
            raise ValueError("'trials' is 1, and the first trial uses the present values: give at least 2")
        check_range("parallel", self.parallel, 0, 1_000)
        if self.parallel and not self.trials:
            raise ValueError("'parallel' needs the option 'trials'")
        if self.task and not self.steps:
            raise ValueError("'task' needs the option 'steps', which names the steps to tune")

    run = work_at("couler_plugins.hpo.workflows.tuning:tune")
