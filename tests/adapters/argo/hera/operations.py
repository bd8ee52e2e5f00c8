"""Programs as Hera authors write them: what steps run."""

from __future__ import annotations

from hera.workflows import (
    HTTP,
    Artifact,
    Container,
    ContainerNode,
    ContainerSet,
    Counter,
    Data,
    EmptyDirVolume,
    Gauge,
    Label,
    Parameter,
    Resource,
    RetryStrategy,
    Step,
    Steps,
    Suspend,
    Workflow,
)
from hera.workflows import models as m

from adapters.argo.hera.scripts import list_items

__all__ = ["PROGRAMS"]

REGISTRY = "registry.example.com/shop"


def retries() -> Workflow:
    backoff = m.Backoff(duration="10s", factor=m.IntOrString(root=2), max_duration="5m")
    strategy = RetryStrategy(
        limit=3, retry_policy="OnError", backoff=backoff, expression="asInt(lastRetry.exitCode) > 1"
    )
    with Workflow(generate_name="retry-", entrypoint="main", retry_strategy=RetryStrategy(limit="2")) as w:
        flaky = Container(name="flaky", image="busybox", command=["false"], retry_strategy=strategy)
        same = Container(name="flaky-too", image="busybox", command=["false"], retry_strategy=strategy)
        with Steps(name="main") as steps, steps.parallel():
            Step(name="a", template=flaky)
            Step(name="b", template=same)
    return w


def approval() -> Workflow:
    with Workflow(generate_name="approve-", entrypoint="main") as w:
        ask = Suspend(name="ask", intermediate_parameters=[Parameter(name="approve", default="NO", enum=["YES", "NO"])])
        wait = Suspend(name="wait", duration="20s")
        pause = Suspend(name="pause", duration="20s")
        deploy = Container(name="deploy", image=f"{REGISTRY}/deploy:1")
        with Steps(name="main"):
            asked = Step(name="ask", template=ask)
            Step(name="wait", template=wait)
            Step(name="pause", template=pause)
            Step(name="deploy", template=deploy, when=f"{asked.get_parameter('approve').value} == YES")
    return w


def kubernetes_resource() -> Workflow:
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  generateName: made-\ndata:\n  run: '{{workflow.name}}'\n"
    with Workflow(generate_name="resource-", entrypoint="make", service_account_name="maker") as w:
        Resource(
            name="make",
            action="create",
            manifest=manifest,
            set_owner_reference=True,
            success_condition="status.succeeded > 0",
            outputs=[Parameter(name="name", value_from=m.ValueFrom(json_path="{.metadata.name}"))],
        )
    return w


def http_calls() -> Workflow:
    secret = m.HTTPHeaderSource(secret_key_ref=m.SecretKeySelector(name="api", key="token"))
    with Workflow(
        generate_name="http-", entrypoint="main", synchronization=m.Synchronization(mutexes=[m.Mutex(name="api")])
    ) as w:
        call = HTTP(
            name="call",
            url="https://example.com/{{inputs.parameters.item}}",
            method="POST",
            body='{"a": 1}',
            timeout_seconds=20,
            headers=[m.V1alpha1HTTPHeader(name="Authorization", value_from=secret)],
            success_condition="response.statusCode == 201",
            inputs=[Parameter(name="item")],
        )
        with Steps(name="main"):
            Step(name="call", template=call, arguments={"item": "y"})
    return w


def container_set() -> Workflow:
    work = EmptyDirVolume(name="work", mount_path="/work")
    with Workflow(generate_name="set-", entrypoint="set") as w, ContainerSet(name="set", volumes=[work]):
        a = ContainerNode(name="a", image="busybox", command=["touch", "/work/a"])
        b = ContainerNode(name="b", image="busybox", command=["touch", "/work/b"])
        main = ContainerNode(name="main", image="busybox", command=["ls", "/work"])
        [a, b] >> main
    return w


def memoized_by_its_owner() -> Workflow:
    memo = m.Memoize(
        key="{{inputs.parameters.seed}}",
        max_age="1h",
        cache=m.Cache(config_map=m.LocalObjectReference(name="mine")),
    )
    with Workflow(generate_name="memo-", entrypoint="main") as w:
        seed = Container(
            name="seed",
            image=f"{REGISTRY}/seed:1",
            inputs=[Parameter(name="seed", value="7")],
            outputs=[Parameter(name="out", value_from=m.ValueFrom(path="/out"))],
            memoize=memo,
        )
        with Steps(name="main"):
            Step(name="one", template=seed, arguments={"seed": 1})
            Step(name="two", template=seed, arguments={"seed": 2})
    return w


def metrics() -> Workflow:
    gauge = Gauge(name="duration", help="How long", value="{{workflow.duration}}", realtime=False)
    with Workflow(generate_name="metrics-", entrypoint="work", metrics=gauge) as w:
        Container(
            name="work",
            image="busybox",
            command=["true"],
            metrics=[
                Counter(name="runs", help="How often", value="1", labels=[Label(key="a", value="b")], when="true")
            ],
        )
    return w


def data_and_expressions() -> Workflow:
    with Workflow(generate_name="data-", entrypoint="main") as w:
        files = Data(
            name="files",
            source=m.DataSource(artifact_paths=m.ArtifactPaths(name="logs", s3=m.S3Artifact(bucket="logs"))),
            transformations=['filter(data, {# endsWith "log"})'],
            outputs=[Artifact(name="list", path="/list")],
        )
        with Steps(
            name="main", outputs=[Parameter(name="sum", value_from=m.ValueFrom(expression="steps['n'].outputs.result"))]
        ):
            Step(name="files", template=files)
            list_items(name="n", arguments={"count": "{{=asInt(workflow.parameters.n) + 1}}"})
        w.arguments = [Parameter(name="n", value="2"), Parameter(name="on", value="y")]
    return w


PROGRAMS = (
    retries,
    approval,
    kubernetes_resource,
    http_calls,
    container_set,
    memoized_by_its_owner,
    metrics,
    data_and_expressions,
)
