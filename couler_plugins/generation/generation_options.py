"""How workflows are asked for: what is done, how often, and what is good enough."""

from __future__ import annotations

from dataclasses import dataclass, field

from couler_plugins.options.fields import check_range


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """What is done beside asking once; each can be left out, to see what it is worth.

    Attributes:
        decompose: the model first takes the description apart into subtasks.
        retrieve: it is told of steps that have to do with them, rather than of the first of the catalogue.
        constrain: its answer is held to a schema by its server.
        repair: it is told of problems, and asked again.
        calibrate: it is told of what seems to be missing, and asked again.
    """

    decompose: bool = True
    retrieve: bool = True
    constrain: bool = True
    repair: bool = True
    calibrate: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationOptions:
    """How a workflow is asked for.

    Attributes:
        stages: what is done.
        repairs: how often a model may correct what cannot be used, in each attempt.
        attempts: how many usable workflows are asked for while the score is below the threshold.
        threshold: the score that is good enough.
        code: whether steps may be written out (`python`, `container`), beside those of the catalogue.
        judge: whether the model's own score decides between workflows whose score is the same.
        seed: of what the model draws.
        temperature: how freely it draws; not at all at 0, where a server may give the same for every seed.
    """

    stages: Stages = field(default_factory=Stages)
    repairs: int = 3
    attempts: int = 2
    threshold: float = 0.7
    code: bool = True
    judge: bool = False
    seed: int = 0
    temperature: float = 0.0

    def __post_init__(self) -> None:
        """Checks the numbers.

        Raises:
            ValueError: one is out of range.
        """
        check_range("repairs", self.repairs, 0, 10)
        check_range("attempts", self.attempts, 1, 10)
        check_range("threshold", self.threshold, 0, 1)
        check_range("temperature", self.temperature, 0, 2)
