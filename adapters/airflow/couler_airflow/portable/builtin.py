"""Operators of Airflow's own that choose by the time, and sensors that wait: each as what it does, in Python.

Sources: `airflow.providers.standard.operators.{datetime,weekday}`, `airflow.providers.standard.sensors`,
`airflow.sdk.bases.sensor` (how it pokes).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from couler_airflow.portable.arguments import Arguments
from couler_airflow.portable.legality import check_task, refuse
from couler_airflow.portable.programs import IMPORTS, Program
from couler_airflow.portable.tasks import RUN, fields_of, python_program
from couler_airflow.values import seconds
from couler_plugins.engine_kit.legalize.legality import raise_all

BRANCH = frozenset(
    str.split(
        """
        follow_task_ids_if_true follow_task_ids_if_false target_lower target_upper use_task_logical_date week_day
        use_task_execution_day use_task_execution_date do_xcom_push
        """
    )
)
SENSOR = frozenset(
    str.split(
        """
        poke_interval timeout soft_fail mode deferrable end_from_trigger start_from_trigger trigger_kwargs silent_fail
        do_xcom_push
        """
    )
)
OWN = {
    "TimeDeltaSensor": {"delta"},
    "TimeDeltaSensorAsync": {"delta"},
    "TimeSensor": {"target_time"},
    "TimeSensorAsync": {"target_time"},
    "DateTimeSensor": {"target_time"},
    "DayOfWeekSensor": {"week_day", "use_task_logical_date"},
    "BashSensor": {"bash_command", "env", "output_encoding", "retry_exit_code"},
    "FileSensor": {"filepath", "recursive", "fs_conn_id"},
}
NOW = "_datetime.datetime.now(_datetime.timezone.utc)"
EVER = 10**9


def branch_program(task: Any) -> Program:
    """Return the program of an operator that chooses by the date.

    Raises:
        Unsupported: it asks for more.
    """
    raise_all(check_task(task, fields_of(task), BRANCH))
    program = Program(task)
    arguments = Arguments(program)
    program.set_up(IMPORTS["datetime"])
    by_run = bool(getattr(task, "use_task_logical_date", False))
    program.lines.append(f"_now = {program.use('logical_date') if by_run else NOW}")
    _in_utc(task)
    holds = _on_days(task, "_now") if "DayOfWeek" in task.operator_class.__name__ else _between(program, task)
    yes, no = arguments.python(task.follow_task_ids_if_true), arguments.python(task.follow_task_ids_if_false)
    program.lines.append(f"_result = {yes} if {holds} else {no}")
    return program


def _on_days(task: Any, now: str) -> str:
    return f"{now}.isoweekday() in {sorted(map(int, task._week_day_num))!r}"


def _in_utc(task: Any) -> None:
    if str(getattr(task.dag.timezone, "name", task.dag.timezone)) != "UTC":
        raise refuse("Step.arguments", task.task_id, "asks for the time where its DAG is, which is not UTC", "use UTC")


def _between(program: Program, task: Any) -> str:
    names = {"_lower": task.target_lower, "_upper": task.target_upper}
    for name, target in names.items():
        program.lines.append(f"{name} = {_moment(target)}")
    if any((item is not None) and not isinstance(item, datetime.datetime) for item in names.values()):
        program.lines += [
            "if _lower is not None and _upper is not None and _upper < _lower:",
            "    _upper += _datetime.timedelta(days=1)",
        ]
    return "(_upper is None or _now <= _upper) and (_lower is None or _lower <= _now)"


def _moment(target: Any) -> str:
    if target is None:
        return "None"
    if isinstance(target, datetime.datetime):
        aware = target if target.tzinfo is not None else target.replace(tzinfo=datetime.UTC)
        return f"_datetime.datetime.fromisoformat({aware.isoformat()!r})"
    text = target.isoformat()
    return f"_datetime.datetime.combine(_now, _datetime.time.fromisoformat({text!r}), _datetime.timezone.utc)"


# Sensors.


def sensor_program(task: Any) -> Program | None:
    """Return the program of a sensor; None for one of a kind that is not known here.

    Raises:
        Unsupported: it waits for what only Airflow can see.
    """
    kind = task.operator_class.__name__
    if kind in ("PythonSensor", "DecoratedSensorOperator"):
        return _python_sensor(task)
    ready: Callable[[Program, Any], str] | None = READY.get(kind)
    if ready is None:
        return None
    raise_all(check_task(task, fields_of(task), SENSOR | OWN[kind]))
    program = Program(task)
    program.set_up(IMPORTS["datetime"])
    _wait(program, task, ready(program, task))
    program.lines.append("_result = None")
    return program


def _python_sensor(task: Any) -> Program:
    program, _ = python_program(task, carried=SENSOR)
    call = program.lines.pop()
    if not call.startswith("_result = "):
        raise refuse("Operation.kind", task.task_id, "is a sensor that may skip itself, or gives several XComs")
    if "PokeReturnValue" in program.closure.texts:
        program.define("def _done(value):\n    return getattr(value, 'is_done', value)\n")
        _wait(program, task, f"_done(_result := {call.removeprefix('_result = ')})")
        program.lines.append("_result = getattr(_result, 'xcom_value', None)")
    else:
        _wait(program, task, call.removeprefix("_result = "))
        program.lines.append("_result = None")
    return program


def _wait(program: Program, task: Any, ready: str) -> None:
    """Wait until an expression holds."""
    if getattr(task, "exponential_backoff", False):
        raise refuse("Operation.kind", task.task_id, "is a sensor that looks less often each time", "set poke_interval")
    pause, limit = (_seconds(getattr(task, name)) for name in ("poke_interval", "timeout"))
    program.set_up(IMPORTS["time"])
    late = (
        ["    _skipped = True", "    break"] if task.soft_fail else ["    raise SystemExit('it has waited too long')"]
    )
    if task.soft_fail:
        program.lines.append("_skipped = False")
        program.catches = True
    program.lines += [
        f"_end = _time.monotonic() + {min(limit, EVER)!r}",
        f"while not ({ready}):",
        "    if _time.monotonic() > _end:",
        *(f"    {line}" for line in late),
        f"    _time.sleep({pause!r})",
    ]


def _seconds(value: Any) -> int | float:
    if isinstance(value, datetime.timedelta):
        return seconds(value)
    return int(value) if float(value).is_integer() else float(value)


def _after_delta(program: Program, task: Any) -> str:
    delta = task.delta if isinstance(task.delta, datetime.timedelta) else datetime.timedelta(minutes=int(task.delta))
    base = program.use("data_interval_end")
    program.lines.append(f"_target = {base} + _datetime.timedelta(seconds={seconds(delta)!r})")
    return f"{NOW} > _target"


def _after_time(program: Program, task: Any) -> str:
    _in_utc(task)
    time = task.target_datetime.astimezone(datetime.UTC).time().isoformat()
    moment = f"_datetime.time.fromisoformat({time!r})"
    program.lines.append(f"_target = _datetime.datetime.combine({NOW}, {moment}, _datetime.timezone.utc)")
    return f"{NOW} > _target"


def _after_moment(program: Program, task: Any) -> str:
    text = Arguments(program).python(str(task.target_time))
    program.lines.append(f"_target = _datetime.datetime.fromisoformat({text})")
    program.lines.append("_target = _target if _target.tzinfo else _target.replace(tzinfo=_datetime.timezone.utc)")
    return f"{NOW} > _target"


def _on_day(program: Program, task: Any) -> str:
    return _on_days(task, program.use("logical_date") if getattr(task, "use_task_logical_date", False) else NOW)


def _by_command(program: Program, task: Any) -> str:
    if task.retry_exit_code is not None:
        raise refuse("Operation.kind", task.task_id, "is a sensor that fails by the code of its command", "write it in")
    arguments = Arguments(program, getattr(task, "template_ext", ()))
    program.define(RUN)
    return f"not _run({arguments.python(task.bash_command)}, {arguments.python(task.env)}, False, None)[0]"


def _by_file(program: Program, task: Any) -> str:
    if task.fs_conn_id != "fs_default":
        raise refuse("Operation.kind", task.task_id, "looks for a file by a connection, which only Airflow knows")
    path = Arguments(program).python(task.filepath)
    program.define(FOUND)
    return f"_found({path}, {bool(task.recursive)})"


FOUND = """\
def _found(path, recursive):
    import glob
    import os

    for item in glob.glob(os.path.join("/", path), recursive=recursive):
        if os.path.isfile(item) or any(files for _, _, files in os.walk(item)):
            return True
    return False
"""
READY: Mapping[str, Callable[[Program, Any], str]] = {
    "TimeDeltaSensor": _after_delta,
    "TimeDeltaSensorAsync": _after_delta,
    "TimeSensor": _after_time,
    "TimeSensorAsync": _after_time,
    "DateTimeSensor": _after_moment,
    "DayOfWeekSensor": _on_day,
    "BashSensor": _by_command,
    "FileSensor": _by_file,
}
