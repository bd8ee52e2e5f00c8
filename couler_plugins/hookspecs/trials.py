"""Input of a tuner: the task, its search space, and the trials so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from couler_plugins.errors import InvalidInput, closest
from couler_plugins.hookspecs.cards import DataCard, ModelCard
from couler_plugins.hookspecs.parameters import Choice, Number, Parameter, Value, distinct

Values = Mapping[str, Value]
"""Values of hyperparameters by name."""


class Space(msgspec.Struct, frozen=True):
    """The values that a tuner may choose from.

    Attributes:
        parameters: by name; one that counts under a condition comes after those that it asks for.
    """

    parameters: tuple[tuple[str, Number | Choice], ...]

    @classmethod
    def of(cls, parameters: Mapping[str, Number | Choice]) -> Space:
        """The space of some parameters, in the order given as far as conditions allow.

        Raises:
            InvalidInput: there are none, or a condition asks for what is not there, or for itself in the end.
        """
        if not parameters:
            raise InvalidInput("the search space is empty", hint="give at least one parameter, with its type and range")
        for name, parameter in parameters.items():
            _check_conditions(name, parameter, parameters)
        order: dict[str, Number | Choice] = {}
        while len(order) < len(parameters):
            ready = [
                name
                for name, parameter in parameters.items()
                if name not in order and all(other in order for other, _ in parameter.when)
            ]
            if not ready:
                name = next(name for name in parameters if name not in order)
                raise InvalidInput(f"space.{name}.when: it depends on itself", path=("space", name, "when"))
            order |= {name: parameters[name] for name in ready}
        return cls(tuple(order.items()))

    @property
    def names(self) -> tuple[str, ...]:
        """Of all parameters."""
        return tuple(name for name, _ in self.parameters)

    @property
    def defaults(self) -> dict[str, Value] | None:
        """What the owner would set; None where that is not known of each parameter that then counts."""
        values: dict[str, Value] = {}
        for name, parameter in self.parameters:
            if _counts(parameter, values):
                if parameter.default is None:
                    return None
                values[name] = parameter.default
        return values

    @property
    def size(self) -> int | None:
        """At most how many different settings there are; None for more than can be counted."""
        size = 1
        for _, parameter in self.parameters:
            if parameter.levels is None:
                return None
            size *= parameter.levels
        return size

    def with_defaults(self, values: Mapping[str, object]) -> Space:
        """This space with other defaults, such as the arguments that a step has.

        Raises:
            InvalidInput: one is no value of its parameter.
        """
        changed = dict(self.parameters)
        for name, value in values.items():
            if name in changed:
                if problem := changed[name].problem(value):
                    raise InvalidInput(f"{name} {problem}", hint="the search space has to have the value that is set")
                changed[name] = msgspec.structs.replace(changed[name], default=value)
        return Space(tuple(changed.items()))

    def counting(self, values: Values) -> Iterator[tuple[str, Number | Choice]]:
        """The parameters that count where the others have these values."""
        for name, parameter in self.parameters:
            if _counts(parameter, values):
                yield name, parameter

    def at(self, places: Mapping[str, float]) -> dict[str, Value]:
        """The values at places on the parameters' scales; of those only that count."""
        values: dict[str, Value] = {}
        for name, parameter in self.parameters:
            if _counts(parameter, values):
                values[name] = parameter.at(places[name])
        return values

    def problems(self, values: Mapping[str, object]) -> list[str]:
        """What is wrong with some values, a sentence each; none where they are a setting of this space."""
        problems: list[str] = []
        accepted: dict[str, Value] = {}
        for name, parameter in self.parameters:
            if not _counts(parameter, accepted):
                if name in values:
                    problems.append(f"{name} counts only where {_shown(parameter)}")
            elif name not in values:
                problems.append(f"{name} is missing")
            elif problem := parameter.problem(values[name]):
                problems.append(f"{name} {problem}")
            else:
                accepted[name] = values[name]  # type: ignore[assignment]  # it is one of the parameter's
        names = set(self.names)
        strange = [name for name in values if name not in names]
        return problems + [
            " ".join([f"there is no {name!r:.60} in the space", closest(name, names)]) for name in strange
        ]

    def tidy(self, values: Mapping[str, object]) -> dict[str, Value]:
        """Values in the space's order and types (a whole number that was written 3.0 is 3).

        Raises:
            InvalidInput: they are no setting of this space.
        """
        if problems := self.problems(values):
            raise InvalidInput(f"these values are not in the search space: {'; '.join(problems[:3])}")
        return {name: _typed(parameter, values[name]) for name, parameter in self.parameters if name in values}

    def schema(self) -> dict[str, Any]:
        """A JSON schema of one setting. Parameters under a condition may be left out; `problems` is stricter."""
        return {
            "type": "object",
            "properties": {name: parameter.schema() for name, parameter in self.parameters},
            "required": [name for name, parameter in self.parameters if not parameter.when],
            "additionalProperties": False,
        }


def _counts(parameter: Parameter, values: Values) -> bool:
    """Whether its conditions hold; a parameter that does not count itself is among no values."""
    return all(
        other in values and distinct(values[other]) in {distinct(one) for one in wanted}
        for other, wanted in parameter.when
    )


def _typed(parameter: Parameter, value: Any) -> Value:
    if isinstance(parameter, Choice):
        return parameter.at(parameter.place(value))
    return int(value) if parameter.levels is not None else float(value)


def _check_conditions(name: str, parameter: Parameter, parameters: Mapping[str, Number | Choice]) -> None:
    place = f"space.{name}.when"
    for other, wanted in parameter.when:
        path = ("space", name, "when", other)
        if other not in parameters:
            raise InvalidInput(
                f"{place}: there is no parameter {other!r:.60}", path=path, hint=closest(other, parameters) or None
            )
        request = parameters[other]
        if not isinstance(request, Choice):
            raise InvalidInput(
                f"{place}.{other}: conditions are about categorical parameters, and this one is {request.type}",
                path=path,
            )
        for value in wanted:
            if problem := request.problem(value):
                raise InvalidInput(f"{place}.{other} {problem}", path=path)


def _shown(parameter: Parameter) -> str:
    return " and ".join(f"{other} is {' or '.join(map(str, wanted))}" for other, wanted in parameter.when)


__all__ = ["Outcome", "Proposal", "Space", "State", "Task", "Trial", "Values", "best_of"]

State = Literal["running", "complete", "pruned", "failed"]


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A tuning task.

    Attributes:
        data: the Data Card; its metric is what counts.
        space: what to choose from. Its defaults, where it has all, are always the first trial.
        model: the Model Card, if there is one.
        candidates: settings that its owner wants to have considered first, by tuners that consider candidates.
        metric_from: what a step calls the output with the metric; empty where it has the metric's own name.
    """

    data: DataCard
    space: Space
    model: ModelCard | None = None
    candidates: tuple[tuple[tuple[str, Value], ...], ...] = ()
    metric_from: str = ""

    def cost(self, value: float) -> float:
        """A value of the metric as a number that is better the smaller it is."""
        return value if self.data.goal == "minimize" else -value


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One training.

    Attributes:
        number: from 0, in the order in which they were asked for.
        values: the hyperparameters.
        state: `pruned` where it was stopped early; `failed` where it gave nothing.
        value: the metric at its end; at the last report where it was pruned; None where it is not known.
        reports: the metric on the way, by step.
        notes: what the tuner that proposed it left with it.
    """

    number: int
    values: tuple[tuple[str, Value], ...]
    state: State = "running"
    value: float | None = None
    reports: tuple[tuple[int, float], ...] = ()
    notes: tuple[tuple[str, Any], ...] = ()


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal for the next trial.

    Attributes:
        values: the hyperparameters.
        reason: why, in half a sentence.
        predicted: the metric that the tuner reckons with; None where it does not say.
        notes: what to keep with the trial, in JSON's terms: tuners see it again in `Trial.notes`.
    """

    values: tuple[tuple[str, Value], ...]
    reason: str
    predicted: float | None = None
    notes: tuple[tuple[str, Any], ...] = ()


Outcome = float | None
"""What came of a trial: the metric at its end, or None where it failed."""


def best_of(task: Task, trials: Sequence[Trial]) -> Trial:
    """The completed trial with the best value; of equal ones the first.

    Raises:
        InvalidInput: none was completed.
    """
    done = [trial for trial in trials if trial.state == "complete" and trial.value is not None]
    if not done:
        raise InvalidInput("no trial was completed", hint="see why the trials failed; the user's values stay")
    return min(done, key=lambda trial: (task.cost(trial.value or 0.0), trial.number))
