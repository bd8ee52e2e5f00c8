"""Why a step is not cached, and where in the files that is said."""

from __future__ import annotations

from typing import Literal

import msgspec

from couler_plugins.ir import Source


class SourcePlace(msgspec.Struct, frozen=True):
    """Where something stands in the files of a call.

    Attributes:
        document: the number of the document: in the bundle, and once `file` is known, within that file.
        path: where in the document.
        file: the name of the file; empty until the decisions are given to their files.
        line: the line, from 1; None where nobody has looked, or where the text has no positions.
    """

    document: int
    path: tuple[int | str, ...] = ()
    file: str = ""
    line: int | None = None

    @classmethod
    def of(cls, source: Source | None) -> SourcePlace | None:
        """The place that an IR node was read from; None where it was not read."""
        return None if source is None else cls(int(source[0]), source[1:])


class Objection(msgspec.Struct, frozen=True):
    """Why a step is not cached.

    Attributes:
        rule: a stable kebab-case name of the rule, for filters.
        reason: the rule applied to this step, in half a sentence for its owner.
        against: `reuse` (the result may depend on more than the key says, so nothing that depends on it has a key
            either) or `storage` (the result is a function of its key, but this engine cannot keep it).
        remedy: what its owner would declare to take the objection away, and where; empty where no declaration does.
        seen: a text in the document that the rule found; the line that holds it is shown.
        place: where it is; the core fills in the step or the operation where an adapter leaves it out.
    """

    rule: str
    reason: str
    against: Literal["reuse", "storage"] = "reuse"
    remedy: str = ""
    seen: str = ""
    place: SourcePlace | None = None

    @property
    def advice(self) -> str:
        """The reason, and what to add to take it away."""
        return f"{self.reason}: add {self.remedy}" if self.remedy else self.reason

    def at(self, source: Source | None) -> Objection:
        """The objection with this place, unless it has one."""
        if source is None or self.place is not None:
            return self
        return msgspec.structs.replace(self, place=SourcePlace.of(source))
