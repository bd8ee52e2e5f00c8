"""Hyperparameters: which values one may have, and where in its range a value is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from couler_plugins.errors import closest

if TYPE_CHECKING:  # whoever lists tuners needs no NumPy
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Choice", "Conditions", "Number", "Parameter", "Value", "distinct"]

Value = str | int | float | bool
"""What a hyperparameter may be set to."""

Conditions = tuple[tuple[str, tuple[Value, ...]], ...]
"""Other parameters by name, each with the values of which it has to have one."""

DIGITS = 6
"""Significant digits of a number that is proposed: enough to tell apart what matters, and short in a manifest."""

LARGEST_WHOLE = 2**53
"""Whole numbers beyond are not told apart on a scale."""


class Parameter(Protocol):
    """One hyperparameter. Its values lie on a scale from 0 to 1, in their order where they have one."""

    @property
    def default(self) -> Value | None:
        """What its owner would set; None where that is not known."""

    @property
    def when(self) -> Conditions:
        """The conditions under which it counts; none for one that always counts."""

    @property
    def levels(self) -> int | None:
        """How many values there are; None for more than can be counted."""

    @property
    def ordered(self) -> bool:
        """Whether values near each other on the scale are alike."""

    def each(self) -> Iterable[Value]:
        """All values, in order; only where `levels` is not None."""

    def problem(self, value: object) -> str:
        """Why something is no value of it, in half a sentence; empty where it is one."""

    def at(self, place: float) -> Value:
        """The value nearest to a place on the scale."""

    def place(self, value: Value) -> float:
        """The place of a value."""

    def snapped(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """The places of the values nearest to these."""

    def schema(self) -> dict[str, Any]:
        """Its values as a JSON schema."""


class Number(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number in a range.

    Attributes:
        type: `float`, `int`, or either with `log-`, where factors count rather than differences.
        low, high: the least and the largest value.
        default: what its owner would set.
        when: the conditions under which it counts.
    """

    type: Literal["float", "log-float", "int", "log-int"]
    low: int | float
    high: int | float
    default: int | float | None = None
    when: Conditions = ()

    def __post_init__(self) -> None:
        """Checks the range.

        Raises:
            ValueError: it is none, or the default is outside of it.
        """
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise ValueError("`low` and `high` have to be finite")
        if self._whole and max(abs(self.low), abs(self.high)) > LARGEST_WHOLE:
            raise ValueError(
                f"`low` and `high` of whole numbers have to be between -{LARGEST_WHOLE} and {LARGEST_WHOLE}"
            )
        if self.low >= self.high:
            raise ValueError(f"`low` is {self.low:g} and has to be less than `high`, {self.high:g}")
        if self._log and self.low <= 0:
            raise ValueError(f"`low` is {self.low:g}; on a logarithmic scale it has to be more than 0")
        if self._whole and not (float(self.low).is_integer() and float(self.high).is_integer()):
            raise ValueError("`low` and `high` of whole numbers have to be whole")
        if self.default is not None and (problem := self.problem(self.default)):
            raise ValueError(f"`default` {problem}")

    @property
    def levels(self) -> int | None:
        """How many values there are; None for more than can be counted."""
        return int(self.high) - int(self.low) + 1 if self._whole else None

    @property
    def ordered(self) -> bool:
        """Numbers always are."""
        return True

    def each(self) -> Iterable[int]:
        """All values, in order; only of whole numbers."""
        return range(int(self.low), int(self.high) + 1)

    def problem(self, value: object) -> str:
        """Why something is no value of it, in half a sentence; empty where it is one."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return f"is {value!r:.40}, which is no number"
        if not math.isfinite(value) or not self.low <= value <= self.high:
            return f"is {value!r:.40}, which is not from {self.low:g} to {self.high:g}"
        return f"is {value!r:.40}, which is not whole" if self._whole and not float(value).is_integer() else ""

    def at(self, place: float) -> int | float:
        """The value nearest to a place on the scale."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        value = low + min(max(place, 0.0), 1.0) * (high - low)
        value = math.exp(value) if self._log else value
        if self._whole:
            return min(max(round(value), int(self.low)), int(self.high))
        return min(max(float(f"{value:.{DIGITS}g}"), float(self.low)), float(self.high))

    def place(self, value: Value) -> float:
        """The place of a value."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        return (self._scaled(float(value)) - low) / (high - low)

    def snapped(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """The places of the values nearest to these."""
        if not self._whole:
            return places
        import numpy as np

        low, high = self._scaled(self.low), self._scaled(self.high)
        values = low + places * (high - low)
        values = np.clip(np.round(np.exp(values) if self._log else values), self.low, self.high)
        snapped: NDArray[np.float64] = ((np.log(values) if self._log else values) - low) / (high - low)
        return snapped

    def schema(self) -> dict[str, Any]:
        """Its values as a JSON schema."""
        return {"type": "integer" if self._whole else "number", "minimum": self.low, "maximum": self.high}

    @property
    def _log(self) -> bool:
        return self.type.startswith("log-")

    @property
    def _whole(self) -> bool:
        return self.type.endswith("int")

    def _scaled(self, value: float) -> float:
        return math.log(value) if self._log else float(value)


class Choice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of several values. Numbers in rising order are steps of a scale: 32 is nearer to 16 than to 256.

    Attributes:
        type: `categorical`.
        choices: the values, each once.
        default: what its owner would set.
        when: the conditions under which it counts.
    """

    type: Literal["categorical"]
    choices: tuple[Value, ...]
    default: Value | None = None
    when: Conditions = ()

    def __post_init__(self) -> None:
        """Checks the choices.

        Raises:
            ValueError: there are none, or one twice, or the default is none of them.
        """
        if not self.choices:
            raise ValueError("`choices` is empty")
        if len({distinct(choice) for choice in self.choices}) < len(self.choices):
            raise ValueError("`choices` has a value twice")
        if any(isinstance(choice, float) and not math.isfinite(choice) for choice in self.choices):
            raise ValueError("`choices` has a number that is not finite")
        if self.default is not None and (problem := self.problem(self.default)):
            raise ValueError(f"`default` {problem}")

    @property
    def levels(self) -> int:
        """How many values there are."""
        return len(self.choices)

    @property
    def ordered(self) -> bool:
        """Whether they are numbers that rise."""
        numbers = [choice for choice in self.choices if not isinstance(choice, (bool, str))]
        return len(numbers) == len(self.choices) and all(a < b for a, b in pairwise(numbers))

    def each(self) -> Iterable[Value]:
        """All values, in order."""
        return self.choices

    def problem(self, value: object) -> str:
        """Why something is no value of it, in half a sentence; empty where it is one."""
        if isinstance(value, (str, int, float, bool)) and self._index(value) is not None:
            return ""
        hint = (
            closest(value, [choice for choice in self.choices if isinstance(choice, str)])
            if isinstance(value, str)
            else ""
        )
        shown = ", ".join(map(str, self.choices))
        return f"is {value!r:.40}, which is none of {shown:.200}" + (f"; {hint}" if hint else "")

    def at(self, place: float) -> Value:
        """The value nearest to a place on the scale."""
        return self.choices[round(min(max(place, 0.0), 1.0) * (len(self.choices) - 1))]

    def place(self, value: Value) -> float:
        """The place of a value."""
        index = self._index(value)
        assert index is not None
        return index / max(len(self.choices) - 1, 1)

    def snapped(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """The places of the values nearest to these."""
        import numpy as np

        steps = max(len(self.choices) - 1, 1)
        return np.round(places * steps) / steps if len(self.choices) > 1 else np.zeros_like(places)

    def schema(self) -> dict[str, Any]:
        """Its values as a JSON schema."""
        return {"enum": list(self.choices)}

    def _index(self, value: Value) -> int | None:
        wanted = distinct(value)
        return next((number for number, choice in enumerate(self.choices) if distinct(choice) == wanted), None)


def distinct(value: Value) -> tuple[str, Value]:
    """What tells values apart: 1 and 1.0 are one, 1 and true are two."""
    return (
        "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__,
        value,
    )
