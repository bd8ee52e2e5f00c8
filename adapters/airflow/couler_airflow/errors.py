"""What lowering refuses of a DAG, by the name of the feature."""

from __future__ import annotations

from couler_airflow.capabilities import CAPABILITIES
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Node, compared_fields

NOTES = {row.feature: row.note for row in CAPABILITIES}


def unsupported(feature: str, subject: str, reason: str) -> Unsupported:
    """Return the error for an edit that cannot be carried out.

    Args:
        feature: the field of the IR.
        subject: the step, graph or workflow.
        reason: why.
    """
    return Unsupported(
        f"{subject!r} cannot be changed so: {reason}",
        engine="airflow",
        step=subject,
        feature=feature,
        hint="change the DAG file itself",
    )


def refuse_others(old: Node, new: Node, allowed: tuple[str, ...], subject: str) -> None:
    """Refuse a change of any field but these.

    Raises:
        Unsupported: another field differs.
    """
    for name in compared_fields(type(old)):
        if name not in allowed and getattr(old, name) != getattr(new, name):
            feature = f"{type(old).__name__}.{name}"
            raise unsupported(feature, subject, NOTES[feature] or "it is the owner's")
