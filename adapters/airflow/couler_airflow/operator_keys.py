"""What caching does with an operator, told from its class: what of the run is in its key, or why it has none."""

from __future__ import annotations

from typing import NamedTuple

from couler_airflow.eligible import BRANCHES, FROM_TRIGGER, PURE, kind_of, path_of
from couler_airflow.key import LEFT_OUT
from couler_airflow.task_checks import BY_VALUE, attributes_of_class, check_class, reads_of_class
from couler_plugins.hookspecs.caching import Objection

__all__ = ["OperatorKey", "key_of_class"]


class OperatorKey(NamedTuple):
    """What is known of the key of an operator before there is a task.

    Attributes:
        never: why its result is never used again, whatever its owner says; empty where it may be.
        objections: what its code takes that no key covers; the owner's word takes some of them away.
        context: the values of the run that its code reads by name, which are in the key.
        own: the attributes that its code reads and that are in a key only because of that; all its others always are.
        asks: whether its body says by its parameters what it takes of the run.
    """

    never: str
    objections: tuple[Objection, ...]
    context: tuple[str, ...]
    own: tuple[str, ...]
    asks: bool


def key_of_class(cls: type) -> OperatorKey:
    """Return what the key of an operator covers beside what every key does, and what forbids one.

    Args:
        cls: the class of an operator.
    """
    reads = reads_of_class(cls)
    return OperatorKey(
        never=kind_of(cls) or (FROM_TRIGGER if getattr(cls, "start_from_trigger", False) else ""),
        objections=tuple(check_class(cls, reads)),
        context=tuple(sorted(reads.context & BY_VALUE)),
        own=tuple(attributes_of_class(cls, reads, LEFT_OUT)),
        asks=path_of(cls) in PURE | BRANCHES,
    )
