"""Programs as Hera authors write them: steps whose results can be reused."""

from __future__ import annotations

from typing import Any

from hera.workflows import (
    DAG,
    Artifact,
    Container,
    CronWorkflow,
    Parameter,
    Step,
    Steps,
    Task,
    Workflow,
    WorkflowTemplate,
)
from hera.workflows import models as m

__all__ = ["PROGRAMS"]

IMAGE = "registry.example.com/ml/train@sha256:" + "0123456789abcdef" * 4
SMALL = {"couler.io/max-output-bytes": "1000"}
PURE = {"couler.io/cache": "pure"} | SMALL
DAY = Parameter(name="day", value="2026-01-01")


def _features(name: str = "features", **fields: Any) -> Container:
    return Container(
        name=name,
        image=IMAGE,
        command=["features"],
        args=["--day={{inputs.parameters.day}}", "--out=/out"],
        inputs=[Parameter(name="day")],
        outputs=[Artifact(name="features", path="/out")],
        **fields,
    )


def _fit(**fields: Any) -> Container:
    return Container(
        name="fit",
        image=IMAGE,
        command=["fit"],
        args=["--rate={{inputs.parameters.rate}}"],
        inputs=[Artifact(name="features", path="/in"), Parameter(name="rate", default="0.1")],
        outputs=[Parameter(name="score", value_from=m.ValueFrom(path="/score"))],
        **fields,
    )


def pure_training() -> Workflow:
    with Workflow(generate_name="pure-", entrypoint="main", arguments=[DAY]) as w:
        features, fit = _features(annotations=PURE), _fit(annotations={"couler.io/cache": "ttl=24h"} | SMALL)
        with DAG(name="main"):
            made = Task(name="features", template=features, arguments={"day": "{{workflow.parameters.day}}"})
            for number, rate in enumerate(["0.1", "0.01"]):
                given: list[Artifact | Parameter] = [made.get_artifact("features"), Parameter(name="rate", value=rate)]
                made >> Task(name=f"fit-{number}", template=fit, arguments=given)
    return w


def pure_nightly() -> Workflow:
    schedules = ["0 3 * * *"]
    with CronWorkflow(name="pure-nightly", entrypoint="main", schedules=schedules, arguments=[DAY]) as w:
        features, copied = _features(annotations=PURE), _features("features-copy", annotations=PURE)
        with Steps(name="main"):
            Step(name="one", template=features, arguments={"day": "{{workflow.parameters.day}}"})
            Step(name="two", template=copied, arguments={"day": "2026-01-02"})
    return w


def undeclared_library() -> Workflow:
    with WorkflowTemplate(name="models", entrypoint="main", arguments=[DAY], annotations={"team": "ml"}) as w:
        features, fit = _features(annotations=SMALL), _fit(annotations=SMALL)
        with DAG(name="main"):
            made = Task(name="features", template=features, arguments={"day": "{{workflow.parameters.day}}"})
            made >> Task(name="fit", template=fit, arguments=[made.get_artifact("features")])
    return w


PROGRAMS = (pure_training, pure_nightly, undeclared_library)
