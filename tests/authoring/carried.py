"""One small workflow for each row of the table of what engines carry, in `docs/authoring.md`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import couler_plugins.authoring as couler
from couler_plugins.authoring import AuthoredWorkflow, WFStatus, workflow

__all__ = ["ROWS", "written"]


def job(name: str, *args: Any, **more: Any) -> couler.Returned:
    return couler.run_container("busybox", ["echo"], list(args), step_name=name, **more)


def values() -> None:
    job("b", job("a"), job("c", output=couler.create_parameter_artifact("/tmp/x")))


def doubled(x: int) -> int:
    return 2 * x


def function() -> None:
    couler.run_script(source=doubled, args=[couler.run_script(source=doubled, args=[1], step_name="first")])


def printing() -> None:
    couler.run_script("python:3.12", command="python", source="print(1)", step_name="p")


def texts() -> None:
    couler.when(couler.equal(job("a"), "x"), lambda: job("b"))


def numbers() -> None:
    couler.when(couler.bigger(job("a"), 1), lambda: job("b"))


def behind_condition() -> None:
    texts()
    job("c")


def items() -> None:
    couler.map(lambda item: job("a", item), [1, 2])


def run_items() -> None:
    couler.map(lambda item: job("b", item), job("a"))


def several() -> None:
    couler.map(lambda item: (job("a", item), job("b", item)), [1, 2])


def gathered() -> None:
    job("b", couler.map(lambda item: job("a", item), [1, 2]))


def after_failure() -> None:
    job("a")
    couler.set_dependencies(lambda: job("b"), dependencies="a.Failed || a.Errored")


def either() -> None:
    couler.concurrent([lambda: job("a"), lambda: job("b")])
    couler.set_dependencies(lambda: job("c"), dependencies="a.Succeeded || b.Succeeded")


def handled(status: WFStatus) -> None:
    job("a")
    couler.set_exit_handler(status, lambda: job("b"))


def mounted() -> None:
    couler.add_volume(couler.Volume("v", "claim"))
    job("a", volume_mounts=[couler.VolumeMount("v", "/v")])


ROWS: dict[str, Callable[[], object]] = {
    "`run_container`, values, `dag`, `concurrent`": values,
    "`run_script` of a text": printing,
    "`run_script` of a function with types": function,
    "`run_job`": lambda: couler.run_job({"apiVersion": "batch/v1", "kind": "Job"}, step_name="a"),
    "`when` on texts": texts,
    "`when` on numbers": numbers,
    "a step behind a `when`": behind_condition,
    "`map` over a list": items,
    "`map` over what a step gives": run_items,
    "`map` of several steps": several,
    "what all runs of a `map` give": gathered,
    "`exec_while`": lambda: couler.exec_while(couler.equal("x"), lambda: job("a")),
    "dependencies on failures": after_failure,
    "dependencies on one of several": either,
    "an exit handler, `Always`": partial(handled, WFStatus.Always),
    "exit handlers by status": partial(handled, WFStatus.Failed),
    "artifacts in stores": lambda: job("a", output=couler.create_s3_artifact("/x", "b", "k")),
    "a global parameter": lambda: job("a", output=couler.create_parameter_artifact("/x", is_global=True)),
    "`secret`": lambda: job("a", secret=couler.obtain_secret("s", ["k"])),
    "`volume_mounts`": mounted,
    "`resources`": lambda: job("a", resources={"cpu": 1, "memory": "1Gi"}),
    "`retry`": lambda: job("a", retry=2),
    "`timeout` of a step": lambda: job("a", timeout=60),
    "`daemon`": lambda: job("a", daemon=True),
    "`node_selector`": lambda: job("a", node_selector={"a": "b"}),
    "`schedule`": lambda: job("a"),
    "`timeout` of the run": lambda: job("a"),
    "`service_account`": lambda: job("a"),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "`schedule`": {"schedule": "0 3 * * *"},
    "`timeout` of the run": {"timeout": 60},
    "`service_account`": {"service_account": "me"},
}


def written(row: str) -> AuthoredWorkflow:
    """The workflow of a row."""
    with workflow("w", **SETTINGS.get(row, {})) as found:
        ROWS[row]()
    return found
