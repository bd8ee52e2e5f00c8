"""Budget of a part: limits of its bytes, steps and pods."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.splitting import Extent

__all__ = ["UNLIMITED", "Budget", "excess"]

UNLIMITED = sys.maxsize
"""The number that stands for no limit."""


@dataclass(frozen=True)
class Budget:
    """Limits of the size of a part; None where there is no limit.

    Attributes:
        bytes: of the part as its engine counts them.
        steps: call sites.
        pods: containers' pods, loops unrolled.
    """

    bytes: int | None = None
    steps: int | None = None
    pods: int | None = None

    def __post_init__(self) -> None:
        """Refuses a budget that nothing fits.

        Raises:
            InvalidInput: a limit is below 1.
        """
        for field in fields(self):
            limit = getattr(self, field.name)
            if limit is not None and limit < 1:
                hint = f"give at least 1 for {field.name}, or none for no limit"
                raise InvalidInput(f"a budget of {limit} {field.name} leaves room for no step", hint=hint)

    @property
    def limits(self) -> tuple[int, int, int]:
        """Bytes, steps and pods as numbers; where there is no limit, the largest that there is."""
        return (self.bytes or UNLIMITED, self.steps or UNLIMITED, self.pods or UNLIMITED)

    def scaled(self, share: float) -> Budget:
        """A share of this budget, at least 1 of each."""
        return Budget(*(None if limit is None else max(1, int(limit * share)) for limit in self._given))

    def with_slack(self, share: float) -> Budget:
        """This budget with a share of it kept free, rounded down: an edit then more often stays within a part."""
        return Budget(*(None if limit is None else limit - int(limit * share) for limit in self._given))

    def over(self, bytes: int, steps: int, pods: int) -> list[tuple[str, int, int]]:  # noqa: A002 - as the fields
        """The components that are exceeded: name, amount, limit."""
        amounts = (bytes, steps, pods)
        names = [field.name for field in fields(self)]
        return [
            (name, amount, limit)
            for name, amount, limit in zip(names, amounts, self._given, strict=True)
            if limit is not None and amount > limit
        ]

    @property
    def _given(self) -> tuple[int | None, int | None, int | None]:
        return (self.bytes, self.steps, self.pods)


def excess(extent: Extent, most: Extent) -> list[str]:
    """What a workflow has too much of."""
    return [
        f"{amount:,} {what} of at most {limit:,}"
        for what, amount, limit in zip(extent._fields, extent, most, strict=True)
        if amount > limit
    ]
