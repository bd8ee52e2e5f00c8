"""Programs as Hera authors write them: how steps hang together."""

from __future__ import annotations

from hera.workflows import (
    DAG,
    Artifact,
    Container,
    NoneArchiveStrategy,
    Parameter,
    Resources,
    Step,
    Steps,
    Task,
    TaskResult,
    Workflow,
)
from hera.workflows import models as m

from adapters.argo.hera.scripts import collect, flip, list_items, load_rows, shout, train_inline

__all__ = ["PROGRAMS"]

REGISTRY = "registry.example.com/shop"


def inline_scripts() -> Workflow:
    with Workflow(generate_name="hello-", entrypoint="steps", arguments={"who": "world"}) as w, Steps(name="steps"):
        shout(arguments={"text": "{{workflow.parameters.who}}", "times": 2})
        train_inline(name="again", arguments={"text": "{{workflow.parameters.who}}", "times": 3})
    return w


def runner_scripts() -> Workflow:
    with Workflow(generate_name="rows-", entrypoint="dag") as w, DAG(name="dag"):
        rows = load_rows(name="rows", arguments={"table": "orders", "limit": 10})
        total = collect(
            name="total", arguments=[rows.get_artifact("rows").with_name("rows"), rows.get_parameter("count")]
        )
        assert isinstance(rows, Task)
        assert isinstance(total, Task)  # for type checkers: in a Steps it would be a Step
        rows >> total
    return w


def container_chain() -> Workflow:
    with Workflow(
        generate_name="etl-", entrypoint="main", labels={"team": "data"}, annotations={"why": "nightly"}
    ) as w:
        extract = Container(name="extract", image=f"{REGISTRY}/etl:3", command=["etl"], args=["extract"])
        load = Container(
            name="load",
            image=f"{REGISTRY}/etl:3",
            command=["etl", "load"],
            resources=Resources(cpu_request=1, memory_request="2Gi", cpu_limit=2),
            active_deadline_seconds=600,
        )
        copied = Container(name="extract-again", image=f"{REGISTRY}/etl:3", command=["etl"], args=["extract"])
        with DAG(name="main"):
            Task(name="extract", template=extract) >> Task(name="load", template=load)
            Task(name="check", template=copied, depends="load.Succeeded && extract")
    return w


def diamond_with_artifacts() -> Workflow:
    def featurize(name: str) -> Container:
        return Container(
            name=name,
            image=f"{REGISTRY}/features:1.4",
            command=["sh", "-c"],
            args=["featurize --kind={{inputs.parameters.kind}} /in > /out"],
            inputs=[Parameter(name="kind"), Artifact(name="raw", path="/in")],
            outputs=[Artifact(name="features", path="/out", archive=NoneArchiveStrategy())],
        )

    with Workflow(generate_name="diamond-", entrypoint="diamond", parallelism=4) as w:
        fetch = Container(
            name="fetch",
            image="alpine:3.20",
            command=["wget"],
            args=["-O/raw", "https://example.com/raw"],
            outputs=[Artifact(name="raw", path="/raw")],
        )
        usage, billing = featurize("usage-features"), featurize("billing-features")
        join = Container(
            name="join",
            image=f"{REGISTRY}/features:1.4",
            args=["join"],
            inputs=[Artifact(name="left", path="/l"), Artifact(name="right", path="/r")],
        )
        with DAG(name="diamond", fail_fast=False):
            a = Task(name="fetch", template=fetch)
            raw = a.get_artifact("raw")
            b = Task(name="usage", template=usage, arguments=[raw, Parameter(name="kind", value="usage")])
            c = Task(name="billing", template=billing, arguments=[raw, Parameter(name="kind", value="billing")])
            d = Task(
                name="join",
                template=join,
                arguments=[
                    b.get_artifact("features").with_name("left"),
                    c.get_artifact("features").with_name("right"),
                ],
            )
            a >> [b, c]
            b >> d
            c >> d
    return w


def parallel_steps() -> Workflow:
    with Workflow(generate_name="lanes-", entrypoint="lanes") as w:
        number = [Parameter(name="n")]
        echo = "{{inputs.parameters.n}}"
        one = Container(name="one", image="busybox", command=["echo"], args=[echo], inputs=number)
        two = Container(name="two", image="busybox", command=["echo"], args=[echo], inputs=number)
        with Steps(name="lanes") as lanes:
            Step(name="first", template=one, arguments={"n": 1})
            with lanes.parallel():
                Step(name="left", template=two, arguments={"n": 2})
                Step(name="right", template=one, arguments={"n": 3}, continue_on=m.ContinueOn(failed=True))
    return w


def loops_over_items() -> Workflow:
    with Workflow(generate_name="items-", entrypoint="loop") as w:
        build = Container(
            name="build",
            image="docker",
            args=["{{inputs.parameters.image}}:{{inputs.parameters.tag}}"],
            inputs=[Parameter(name="image"), Parameter(name="tag")],
        )
        ping = Container(name="ping", image="busybox", args=["{{inputs.parameters.n}}"], inputs=[Parameter(name="n")])
        with DAG(name="loop"):
            Task(
                name="build",
                template=build,
                arguments={"image": "{{item.image}}", "tag": "{{item.tag}}"},
                with_items=[{"image": "debian", "tag": "12"}, {"image": "alpine", "tag": "3.20"}],
            )
            Task(name="ping", template=ping, arguments={"n": "{{item}}"}, with_items=[1, 2.5, "three", True])
    return w


def loop_over_a_result() -> Workflow:
    with Workflow(generate_name="param-", entrypoint="loop") as w, Steps(name="loop"):
        items = list_items(arguments={"count": 5})
        shout(name="each", arguments={"text": "{{item}}", "times": 1}, with_param=items.result)
    return w


def loop_over_a_sequence() -> Workflow:
    with Workflow(generate_name="seq-", entrypoint="loop") as w:
        page = Container(
            name="page", image="curlimages/curl", args=["/{{inputs.parameters.p}}"], inputs=[Parameter(name="p")]
        )
        with DAG(name="loop"):
            Task(
                name="pages",
                template=page,
                arguments={"p": "{{item}}"},
                with_sequence=m.Sequence(start=m.IntOrString(root=1), end=m.IntOrString(root=9), format="%03d"),
            )
    return w


def conditions() -> Workflow:
    with Workflow(generate_name="coin-", entrypoint="coin") as w:
        heads = Container(name="heads", image="busybox", command=["echo", "it was heads"])
        tails = Container(name="tails", image="busybox", command=["echo", "it was tails"])
        with DAG(name="coin"):
            flipped = flip(name="flip")
            flipped.on_success(Task(name="heads", template=heads, when=f"{flipped.result} == heads"))
            flipped.on_success(Task(name="tails", template=tails, when=f"{flipped.result} == tails"))
            flipped.on_failure(Task(name="neither", template=tails))
    return w


def exit_handler() -> Workflow:
    notify = Container(
        name="notify", image="curlimages/curl", args=["-d", "{{workflow.status}}", "https://example.com"]
    )
    with Workflow(generate_name="exit-", entrypoint="main", on_exit=notify) as w:
        work = Container(name="work", image="busybox", command=["false"])
        w.templates.append(notify)
        with Steps(name="main"):
            Step(name="work", template=work, on_exit=notify)
    return w


def lifecycle_hooks() -> Workflow:
    tell = m.LifecycleHook(template="tell", expression='workflow.status == "Running"')
    with Workflow(generate_name="hooks-", entrypoint="main", hooks={"running": tell}) as w:
        Container(name="tell", image="busybox", command=["echo", "running"])
        work = Container(name="work", image="busybox", command=["sleep", "5"])
        with DAG(name="main"):
            Task(name="work", template=work, hooks={"exit": m.LifecycleHook(template="tell")})
    return w


def recursion() -> Workflow:
    with Workflow(generate_name="again-", entrypoint="again") as w, Steps(name="again") as again:
        flipped = flip(name="flip")
        Step(name="again", template=again, when=f"{flipped.result} == tails")
    return w


def raw_models_and_results() -> Workflow:
    raw = m.Template(name="raw", container=m.Container(image="busybox", command=["true"]))
    with Workflow(generate_name="mixed-", entrypoint="main", templates=[raw]) as w:
        plain = Container(name="plain", image="busybox", command=["true"])
        with DAG(name="main"):
            a = Task(name="a", template="raw")
            b = Task(name="b", template=plain)
            a.next(b, on=TaskResult.failed)
    return w


PROGRAMS = (
    inline_scripts,
    runner_scripts,
    container_chain,
    diamond_with_artifacts,
    parallel_steps,
    loops_over_items,
    loop_over_a_result,
    loop_over_a_sequence,
    conditions,
    exit_handler,
    lifecycle_hooks,
    recursion,
    raw_models_and_results,
)
