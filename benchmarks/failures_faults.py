"""Faults of attempts: how often each kind comes, and which attempts of a run are hit, and how."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from benchmarks.failures_forms import FORMS, Form, Kind
from couler_plugins.simulation.workload import chance_of

__all__ = ["OF_KIND", "RATES", "WINDOW", "Fault", "Faults"]

RATES: Mapping[Kind, float] = {
    "infrastructure_before_start": 0.005,
    "infrastructure": 0.005,
    "throttled": 0.005,
    "out_of_memory": 0.005,
    "deterministic": 0.001,
}
"""Of all attempts, the share that each kind of fault hits."""
WINDOW = 60.0
"""Seconds of a window of a rate limit. What is throttled in it passes when the next window begins."""
OF_KIND = {kind: tuple(form for form in FORMS if form.kind == kind) for kind in RATES}
WEIGHTS = {"out of memory": 3}
"""How much more often some forms come than others of their kind."""
HIDDEN = ("Failed", "1", "main: Error (exit code 1)")
"""What shows of a fault that the step's program has seen itself: it ended with 1, as for any error."""


class Fault(NamedTuple):
    """What hits one attempt.

    Attributes:
        form: how it shows.
        share: how much of its time the step's program runs before that.
        seconds: until the window of a rate limit is over.
    """

    form: Form
    share: float
    seconds: float


class Faults:
    """What hits the attempts of one run: the same for every strategy, attempt by attempt.

    Attributes:
        name: of the run, from which all is drawn.
        first: what hits the first attempts, by the number of the step.
        hidden: the share of throttled and infrastructure failures of running programs that show only exit code 1.
    """

    def __init__(self, name: str, steps: int, hidden: float = 0.0) -> None:
        self.name = name
        self.hidden = hidden
        self.first = dict(self._draws(chance_of(name), steps))
        self._later: dict[tuple[int, int], Fault | None] = {}

    def of(self, step: int, attempt: int) -> Fault | None:
        """What hits an attempt by itself; None for nothing."""
        if attempt == 0:
            return self.first.get(step)
        key = step, attempt
        if key not in self._later:
            self._later[key] = next((fault for _, fault in self._draws(chance_of(self.name, *key), 1)), None)
        return self._later[key]

    def _draws(self, chance: random.Random, steps: int) -> Iterator[tuple[int, Fault]]:
        for step in range(steps):
            lot = chance.random()
            for kind, rate in RATES.items():
                lot -= rate
                if lot < 0:
                    yield step, self._fault(kind, chance)
                    break

    def _fault(self, kind: Kind, chance: random.Random) -> Fault:
        forms = OF_KIND[kind]
        form = chance.choices(forms, [WEIGHTS.get(form.name, 1) for form in forms])[0]
        share, seconds, hides = chance.random(), WINDOW * (1 - chance.random()), chance.random()
        if hides < self.hidden and kind in ("infrastructure", "throttled") and form.began:
            status, code, message = HIDDEN
            form = form._replace(status=status, exit_code=code, message=message)
        return Fault(form, share if form.share is None else form.share, seconds)
