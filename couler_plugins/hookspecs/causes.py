"""Contract of causes: what the failure of an attempt looks like, and what may be done about it."""

from __future__ import annotations

from typing import Literal

import msgspec

from couler_plugins.markers import hookspec

__all__ = ["Cause", "CauseClass", "couler_causes"]

CauseClass = Literal["infrastructure", "throttled", "resource", "timeout", "deterministic", "stopped"]
"""What a failure is: of the machines around a program, of a limit on calls that passes by itself, of too little memory
or disk, of too little time, of the program itself, or what a person wanted."""


class Cause(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of the table of causes: it matches an attempt that is like all that it says.

    Attributes:
        name: kebab-case, unique in the table.
        cause_class: the class of such failures.
        engines: the engines on which it is looked for; empty for all.
        reasons: words of a pod, a container or an engine, or names of exceptions; one of them is the attempt's reason.
        exit_codes: one of them is the exit code of the main container.
        message: a regular expression that is searched for in the message of the attempt. RE2 and Python read it
            alike, and no group in it is repeated, which can take Python very long.
        before_start: whether nothing of the step's own program has run when this is seen, where a pod has one container
            of the step.
        source: where that is said: a document or source file of the engine, or an issue.
        remedy: what to do about it, in half a sentence; empty for nothing but what the class says.
    """

    name: str
    cause_class: CauseClass
    engines: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    exit_codes: tuple[int, ...] = ()
    message: str = ""
    before_start: bool = False
    source: str
    remedy: str = ""


@hookspec
def couler_causes() -> list[Cause]:  # type: ignore[empty-body]  # pluggy wants none
    """Return the causes of failures that this plugin can tell, in the order in which they are looked for."""
