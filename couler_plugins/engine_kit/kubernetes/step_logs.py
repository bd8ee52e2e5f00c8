"""What steps print: the logs of the containers that they run in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from couler_plugins.engine_kit.kubernetes.objects import Calls
from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs.running import StepLog, StepStatus
from couler_plugins.net.log_lines import last_lines
from couler_plugins.net.redacting import redact

__all__ = ["Container", "Own", "RunStep", "message_of", "read_lines", "read_log"]

AROUND = 10
"""Lines that are read beside these, since an executor may have printed some of its own."""
LARGEST = 64 * 1024
"""Bytes of a log that are read."""
MOST = 300  # characters of a message
Own = Callable[[list[str]], list[str]]
"""Gives of the lines of a log those that the step itself has printed."""


class Container(NamedTuple):
    """Where a step ran."""

    namespace: str
    pod: str
    name: str


class RunStep(NamedTuple):
    """A step of a run: where it stands, and the containers that print its log."""

    status: StepStatus
    containers: tuple[Container, ...] = ()


def message_of(text: object) -> str:
    """Return what an engine says of a step as one line, with nothing secret in it."""
    return redact(" ".join(str(text or "").split()))[:MOST]


def read_lines(calls: Calls, container: Container, own: Own, lines: int) -> list[str]:
    """Return the last lines that a step has printed in a container.

    Raises:
        EngineError: the cluster does not answer, has no such log (any more), or does not tell us.
    """
    return last_lines(calls.log(*container, lines=lines + AROUND, most=LARGEST), lines, own)


def read_log(calls: Calls, steps: Iterable[RunStep], step: str, lines: int, own: Own = list) -> StepLog:
    """Return the last lines of each container of a step; where there are several, each after a line with its name.

    Args:
        calls: the cluster.
        steps: the steps of the run.
        step: the name of one of them.
        lines: how many lines of each container.
        own: of the lines of a log, those that the step itself has printed.

    Raises:
        InvalidInput: there is no such step.
    """
    containers = next((item.containers for item in steps if item.status.step == step), None)
    if containers is None:
        raise InvalidInput(f"the run has no step {step!r:.120}", hint="take the name from the list of its steps")
    printed: list[str] = []
    notes = [] if containers else ["it has printed nothing yet, or runs in no container"]
    for container in containers:
        try:
            own_lines = read_lines(calls, container, own, lines)
        except EngineError as error:
            notes.append(redact(error.message))
            continue
        printed += [f"[{container.name}]", *own_lines] if len(containers) > 1 and own_lines else own_lines
    return StepLog(lines=tuple(printed), note="; ".join(dict.fromkeys(notes)))
