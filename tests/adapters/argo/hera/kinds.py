"""Programs as Hera authors write them: the other kinds, and workflows that call them."""

from __future__ import annotations

from hera.workflows import (
    DAG,
    Artifact,
    ClusterWorkflowTemplate,
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

REGISTRY = "registry.example.com/shop"


def cron() -> Workflow:
    with CronWorkflow(
        name="nightly",
        namespace="reports",
        entrypoint="main",
        schedules=["0 3 * * *", "30 4 * * 0"],
        timezone="Europe/Berlin",
        concurrency_policy="Replace",
        starting_deadline_seconds=0,
        successful_jobs_history_limit=3,
        cron_suspend=False,
        stop_strategy=m.StopStrategy(expression="cronworkflow.failed >= 3"),
        arguments={"day": "{{workflow.scheduledTime}}"},
    ) as w:
        report = Container(name="report", image=f"{REGISTRY}/report:2", args=["{{workflow.parameters.day}}"])
        copied = Container(name="report-copy", image=f"{REGISTRY}/report:2", args=["{{workflow.parameters.day}}"])
        with Steps(name="main"):
            Step(name="one", template=report)
            Step(name="two", template=copied)
    return w


def workflow_template() -> Workflow:
    size = Parameter(name="size", enum=["small", "large"], value="small", description="how much to train on")
    with WorkflowTemplate(name="train", namespace="ml", entrypoint="main", arguments=[size]) as w:
        fit = Container(name="fit", image=f"{REGISTRY}/fit:7", args=["--size={{workflow.parameters.size}}"])
        with DAG(name="main"):
            Task(name="fit", template=fit)
    return w


def cluster_workflow_template() -> Workflow:
    with ClusterWorkflowTemplate(name="shared-tools", labels={"scope": "cluster"}) as w:
        Container(name="zip", image="alpine:3.20", command=["zip"], inputs=[Artifact(name="files", path="/files")])
        Container(
            name="stat",
            image="alpine:3.20",
            command=["stat"],
            outputs=[Parameter(name="size", value_from=m.ValueFrom(path="/size", default="0"))],
        )
    return w


def callers_of_templates() -> Workflow:
    with Workflow(generate_name="calls-", entrypoint="main") as w, DAG(name="main"):
        stat = Task(name="stat", template_ref=m.TemplateRef(name="shared-tools", template="stat", cluster_scope=True))
        Task(
            name="fit",
            template_ref=m.TemplateRef(name="train", template="main"),
            arguments={"size": "{{tasks.stat.outputs.parameters.size}}"},
            depends="stat.Succeeded || stat.Skipped",
        )
        stat.on_other_result(Task(name="zip", template="zip-here"), "big")
        Container(name="zip-here", image="alpine:3.20", command=["zip"])
    return w


def run_of_a_template() -> Workflow:
    return Workflow(
        generate_name="train-large-",
        workflow_template_ref=m.WorkflowTemplateRef(name="train"),
        arguments={"size": "large"},
        service_account_name="trainer",
        ttl_strategy=m.TTLStrategy(seconds_after_completion=3600),
        pod_gc=m.PodGC(strategy="OnPodSuccess"),
    )


PROGRAMS = (
    cron,
    workflow_template,
    cluster_workflow_template,
    callers_of_templates,
    run_of_a_template,
)
