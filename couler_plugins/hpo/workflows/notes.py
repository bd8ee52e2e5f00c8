"""What tuning leaves in a workflow, so that it finds its own work there when it runs again."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from couler_plugins.ir import Reference, Scalar

__all__ = ["Note", "handed_over", "read_notes", "write_notes"]

Setting = tuple[tuple[str, Scalar], ...]


class Note(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What was done to one step.

    Attributes:
        key: of all that it was made of: the task with what the owner had set, the tuner, the number of trials.
        was: the constants that its owner passed, by hyperparameter; None where nothing was passed.
        flows: the parameters of the workflow that hand over what was tuned, by hyperparameter: how these are referred
            to, and their names. Without trials, `was` and `now` are theirs.
        now: those that are passed instead, where that is all; empty where trials run first.
        trials, best: the steps that were added before it.
        added: what these call, where that was added, too.
    """

    key: str
    was: dict[str, Scalar]
    flows: dict[str, tuple[str, str]] = msgspec.field(name="handed", default={})
    now: dict[str, Scalar] = {}
    trials: str = ""
    best: str = ""
    added: tuple[str, ...] = ()


def handed_over(parameters: Mapping[str, Reference]) -> dict[str, tuple[str, str]]:
    """How a note says which parameters of the workflow hand hyperparameters over."""
    return {name: (reference.to, reference.name) for name, reference in parameters.items()}


def read_notes(text: str) -> dict[str, Note]:
    """The notes of a workflow, by `graph/step`; none where they cannot be read: then nothing of ours is known there."""
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, Note])
    except (msgspec.DecodeError, RecursionError):
        return {}


def write_notes(notes: Mapping[str, Note]) -> str:
    """The text of some notes; empty for none."""
    return msgspec.json.encode(dict(sorted(notes.items()))).decode() if notes else ""
