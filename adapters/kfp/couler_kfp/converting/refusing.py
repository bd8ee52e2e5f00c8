"""How a pipeline is refused that means something only to KFP."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from couler_plugins.errors import Unsupported

__all__ = ["Refusals", "refuse"]

Part = TypeVar("Part")
Carried = TypeVar("Carried")
WAY_OUT = "take it out, or leave the pipeline to KFP"


def refuse(feature: str, step: str, reason: str, hint: str = WAY_OUT) -> Unsupported:
    """The error for what other engines do not have.

    Args:
        feature: the IR's name for it.
        step: the task or the component.
        reason: what about it, as the rest of a sentence.
        hint: a way out.
    """
    return Unsupported(f"{step!r} {reason}", engine="kfp", step=step, feature=feature, hint=hint)


class Refusals:
    """All that a pipeline is refused for, so that its author hears of it at once."""

    def __init__(self) -> None:
        self._found: list[Unsupported] = []

    def each(self, carry: Callable[[Part], Carried], parts: Iterable[Part]) -> tuple[Carried, ...]:
        """What becomes of the parts, without those that are refused."""
        carried = []
        for part in parts:
            try:
                carried.append(carry(part))
            except Unsupported as error:
                self._found.append(error)
        return tuple(carried)

    def tell(self) -> None:
        """Raises `Unsupported` where anything was refused."""
        if not self._found:
            return
        first = self._found[0]
        lines = {f"{error}": f"{error.message}: {error.hint}" for error in self._found}
        if len(lines) == 1:
            raise first
        raise Unsupported(
            "\n    ".join([f"{len(lines)} things mean something only to KFP:", *lines.values()]),
            engine="kfp",
            step=first.step,
            feature=first.feature,
            hint="change them, or leave the pipeline to KFP",
        )
