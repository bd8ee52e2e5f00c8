"""Facts of a run: a step before all others tells them once, unless the caller gives them.

Airflow's scheduler says when a run is for, and what it is called. Other engines do not, or each in its own way. So
they are parameters of the workflow; where these are left empty, the first step takes the time at which it runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable
from typing import Any

from couler_plugins.engine_kit.legalize.python.functions import Function, Parameter, operation_of
from couler_plugins.ir import Argument, Call, Literal, Operation, Port, Reference, Step, replace

FACTS = "run-facts"
DATES = {
    "ds": "%Y-%m-%d",
    "ds_nodash": "%Y%m%d",
    "ts_nodash": "%Y%m%dT%H%M%S",
}
FACT_KEYS = (
    "ds_nodash",
    "ds",
    "ts_nodash_with_tz",
    "ts_nodash",
    "ts",
    "run_id",
    "logical_date",
    "data_interval_start",
    "data_interval_end",
)
GIVEN = ("logical_date", "run_id")
"""The facts that the others come from, which the caller may give."""
OPTIONAL = {"conf": "{}", "partition_key": ""}
"""What a run may be given beside its params, and its usual text."""


def fact(name: str) -> Reference:
    """What stands for a fact of the run."""
    return Reference(to="output", kind="parameter", step=FACTS, name=name)


def run_facts(logical_date: str = "", run_id: str = "", scheduled: bool = False) -> Any:
    """Tell when a run is for, and what it is called, once for all of its steps."""
    import datetime

    date = datetime.datetime.now(datetime.timezone.utc)  # noqa: UP017  # also before Python 3.11
    if scheduled:
        date = date.replace(second=0, microsecond=0)
    if logical_date:
        date = datetime.datetime.fromisoformat(logical_date.replace("Z", "+00:00"))  # noqa: FURB162
    if date.tzinfo is None:
        date = date.replace(tzinfo=datetime.timezone.utc)  # noqa: UP017
    text = date.isoformat()
    kind = "scheduled" if scheduled else "manual"
    return {
        "ds": date.strftime("%Y-%m-%d"),
        "ds_nodash": date.strftime("%Y%m%d"),
        "ts": text,
        "ts_nodash": date.strftime("%Y%m%dT%H%M%S"),
        "ts_nodash_with_tz": text.replace("-", "").replace(":", ""),
        "run_id": run_id or f"{kind}__{text}",
        "logical_date": str(date),
        "data_interval_start": str(date),
        "data_interval_end": str(date),
    }


def facts_step(name: str, operation: str, *, scheduled: bool) -> tuple[Step, Operation]:
    """Return the step that tells the facts, and what it runs.

    Args:
        name: of the step.
        operation: the name of what it runs.
        scheduled: whether runs start by themselves, on the minute.
    """
    source = inspect.getsource(run_facts)
    function = Function(
        name="run_facts",
        source=source,
        inputs=(
            Parameter("logical_date", "text", "", optional=True),
            Parameter("run_id", "text", "", optional=True),
            Parameter("scheduled", "bool", False, optional=True),
        ),
        outputs=tuple((key, "text") for key in FACT_KEYS),
    )
    arguments = [Argument(name=item, value=Reference(to="parameter", kind="parameter", name=item)) for item in GIVEN]
    arguments.append(Argument(name="scheduled", value=Literal(value="true" if scheduled else "false")))
    return Step(name=name, call=Call(name=operation), arguments=tuple(arguments)), in_any_image(function, operation)


def in_any_image(function: Function, name: str) -> Operation:
    """Return a function as an operation whose image the target names."""
    operation = operation_of(function, name)
    return replace(operation, containers=tuple(replace(item, image=None) for item in operation.containers))


def fact_parameters(wanted: Collection[str], names: Iterable[str]) -> tuple[Port, ...]:
    """Return the parameters that the caller may give facts by."""
    usual = {**dict.fromkeys(GIVEN, ""), **OPTIONAL}
    others = {*names}
    return tuple(
        Port(name=name, value=Literal(value=usual[name])) for name in usual if name in wanted and name not in others
    )
