"""A program as what trains: it gets the values in its arguments, and its last line of output is the metric."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.hookspecs.trials import Task, Values
from couler_plugins.hpo.trials import Objective, Report
from couler_plugins.hpo.workflows.select_best import measured

# A program that runs while somebody reads what it prints.


class Program:
    """A program.

    Attributes:
        lines: what it prints, line by line, while it runs.
        late: whether it was ended since it took too long.
        code: how it ended; None while it runs, or where nobody waited for its end.
    """

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines, self.late = lines, False
        self.code: int | None = None


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], timeout: float | None) -> Iterator[Program]:
    """Runs a program until it ends, or the block does: then it is ended, with whatever it has started.

    Args:
        command: the program and its arguments. No shell sees it.
        environment: its variables.
        timeout: seconds that it may take; None for any time.

    Raises:
        OSError: there is no such program.
    """
    process = subprocess.Popen(  # noqa: S603  # it is the user's own command
        list(command), stdout=subprocess.PIPE, env=dict(environment), start_new_session=True
    )
    assert process.stdout is not None
    program = Program(line.decode("utf-8", "replace") for line in process.stdout)

    def end() -> None:
        program.late = True
        _kill(process)

    timer = threading.Timer(timeout, end) if timeout is not None else None
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        yield program
        program.code = process.wait()
    finally:
        if timer is not None:
            timer.cancel()
        if process.poll() is None:
            _kill(process)
        process.stdout.close()
        process.wait()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Ends a program with its group, so that nothing of it keeps what it prints open."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


VARIABLE = "COULER_TUNE"
"""The environment variable that holds the values as JSON."""

PLACE = re.compile(r"\{([A-Za-z_][\w.-]*)\}")


def as_objective(task: Task, command: Sequence[str], timeout: float | None) -> Objective:
    """A program that trains once.

    Args:
        task: what is tuned.
        command: the program and its arguments; `{rate}` in one stands for the value of `rate`. No shell sees it.
        timeout: seconds that one training may take; None for any time.

    Raises:
        InvalidInput: an argument has a place for what is no parameter.
    """
    unknown = [name for part in command for name in PLACE.findall(part) if name not in task.space.names]
    if unknown:
        raise InvalidInput(
            f"the command uses {unknown[0]!r}, which is not a parameter of the search space",
            hint=f"there are {', '.join(task.space.names)}",
        )

    def objective(values: Values, report: Report) -> float:
        environment = os.environ | {VARIABLE: json.dumps(dict(values))}
        with running(filled_in(command, values), environment, timeout) as program:
            last = ""
            for line in program.lines:
                last = line if line.strip() else last
                if (progress := _progress(line, task.data.metric)) is not None:
                    report(*progress)
        if program.late:
            raise CoulerError(f"it took more than {timeout:g} s")
        if program.code:
            raise CoulerError(f"it ended with {program.code}")
        return read_metric(last, task.data.metric)

    return objective


def _progress(line: str, metric: str) -> tuple[int, float] | None:
    """What a line says of the metric on the way: a JSON object with it by its name, and a whole number `step`."""
    if not line.lstrip().startswith("{"):
        return None
    try:
        step = json.loads(line).get("step")
    except (ValueError, RecursionError):
        return None
    value = measured(line, metric)
    return (step, value) if value is not None and type(step) is int and step >= 0 else None


def filled_in(command: Sequence[str], values: Values) -> list[str]:
    """The command with values in their places; those that do not count are empty."""
    return [PLACE.sub(lambda found: _text(values.get(found[1], "")), part) for part in command]


def read_metric(output: str, metric: str) -> float:
    """The metric in the last line of a program's output: a number, or a JSON object that has it by its name.

    It is read as in workflows, so that a program means the same in both.

    Raises:
        CoulerError: it is not there.
    """
    value = measured(output, metric)
    if value is None:
        line = next((line for line in reversed(output.splitlines()) if line.strip()), "").strip()
        raise CoulerError(f"the last line of its output has no {metric}: {line[:60]!r}")
    return value


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
