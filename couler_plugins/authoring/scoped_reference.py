"""References together with the workflow that they belong to.

Two workflows may have steps of one name: what one of them gives is not the other's.
"""

from __future__ import annotations

from itertools import count

from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Reference, Source

NUMBERS = count(1)


class Given(Reference, frozen=True, kw_only=True, tag_field="type", tag="given"):
    """A reference while its workflow is written.

    Attributes:
        source: the number of the workflow, that of the value in it, and the name of the workflow.
    """

    source: Source


class Giver:
    """Hands out the values of one workflow, and takes no others back.

    Attributes:
        name: of the workflow; empty for the calls outside of any block.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name
        self._number = next(NUMBERS)
        self._count = 0
        self._lost: list[range] = []

    def give(self, reference: Reference) -> Given:
        """The reference as one of this workflow."""
        self._count += 1
        return Given(
            to=reference.to,
            name=reference.name,
            step=reference.step,
            kind=reference.kind,
            source=(self._number, self._count, self.name),
        )

    def mark(self) -> int:
        """How much was handed out so far."""
        return self._count

    def forget(self, mark: int) -> None:
        """What was handed out since is of a call that failed: it is not taken any more."""
        self._lost.append(range(mark + 1, self._count + 1))

    def take(self, reference: Reference) -> Reference:
        """The plain reference, which a call of this workflow reads.

        Raises:
            InvalidInput: another workflow gives it, or a call that failed.
        """
        if not isinstance(reference, Given):
            return reference
        plain = Reference(to=reference.to, name=reference.name, step=reference.step, kind=reference.kind)
        number, value, name = reference.source
        if number != self._number:
            raise InvalidInput(
                f"{_said(plain)} is of {_called(str(name))}, and is used in {_called(self.name)}",
                step=plain.step or None,
                hint="workflows share no values: write both steps in one workflow, or give this one a parameter",
            )
        if any(value in lost for lost in self._lost):
            message = f"{_said(plain)} belongs to a call that failed"
            raise InvalidInput(message, step=plain.step or None, hint="use what the call returns that succeeds")
        return plain


def _said(reference: Reference) -> str:
    if reference.to == "output":
        return f"what the step {reference.step!r} gives"
    return f"the parameter {reference.name!r}" if reference.to == "parameter" else "an item of a map"


def _called(name: str) -> str:
    return f"the workflow {name!r}" if name else "the workflow of the calls outside of any block"
