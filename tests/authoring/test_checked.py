"""What is checked where it is given: what no engine could run is said at the call, by the name of the argument."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import couler_plugins.authoring as couler
from couler_plugins.authoring import bigger, equal, workflow
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.ir import Graph, Literal, Workflow, needed, references, replace

untyped: Any = couler
"""For calls that type checkers refuse as well."""


def made(**more: Any) -> couler.Returned:
    return couler.run_container(**{"image": "busybox", "command": ["echo"], **more})


def flip() -> None:
    print("heads")  # noqa: T201  # what the step gives


def length(x: str) -> int:
    return len(x)


DIGEST = f"sha256:{'0f' * 32}"
TAKEN: dict[str, list[Any]] = {
    "image": [
        "busybox", "library/busybox:1.36", "gcr.io/team/name", "localhost:5000/a/b_c/d-e:v1.2-x", "registry/x__y",
        f"quay.io/a/b@{DIGEST}", f"a:1@{DIGEST}", "[::1]:5000/a", "REGISTRY.example.com/a", "{{workflow.parameters.i}}",
        "$(params.image)", "${IMAGE}",
    ],
    "resources": [
        {"cpu": 1}, {"cpu": 0.5, "memory": "1Gi"}, {"cpu": "500m"}, {"memory": "1e9"}, {"memory": "1.5G"},
        {"nvidia.com/gpu": 1}, {"ephemeral-storage": "1Gi"}, {"hugepages-2Mi": "4Mi"}, {"memory": "{{inputs.m}}"},
        {"requests": {"cpu": 1}, "limits": {"memory": "2Gi"}},
    ],
    "timeout": [1, 2**31 - 1],
    "retry": [1, 10],
    "image_pull_policy": ["Always", "IfNotPresent", "Never", None],
    "node_selector": [{"kubernetes.io/arch": "amd64"}, {"a": ""}, {"a": "{{workflow.parameters.node}}"}, None],
    "env": [{"A.b-c": 1}, {"x": "", "y": 0.5}],
    "command": ["python", ["sh", "-c", "echo a b"], None],
    "step_name": ["a", "Step 1", "é", None],
}  # fmt: skip
REFUSED: dict[str, list[Any]] = {
    "image": ["", " ", "Busybox", "a b", "a:", ":tag", "a@sha256:00", "http://registry/a", "a//b", 3, None, b"busybox"],
    "resources": [
        {"cpu": "1 core"}, {"cpu": -1}, {"memory": "1GB"}, {"memory": "1gi"}, {"memory": float("nan")}, {"cpu": True},
        {"mem": "1Gi"}, {"gpu": 1}, {"cpu": None}, ["cpu"],
    ],
    "timeout": [0, -1, 1.5, "60", True, 2**31],
    "retry": [0, -1, "3", True, 10**30],
    "image_pull_policy": ["always", "", True],
    "node_selector": [{"a": 1}, {"a": "x y"}, {"a": "x" * 64}],
    "env": [{"A=1": 1}, {1: 2}, {"A": None}, {"A": True}],
    "command": ["python train.py", [["sh"], 3.5j], b"sh"],
    "args": [{"b", "a"}, b"ab", {"a": 1}],
    "step_name": ["", " ", "a/b", "a\tb", "x" * 251, 3],
    "daemon": ["no", 1, None],
    "working_dir": ["", 3],
    "env_from": [[{"configMapRef": {"name": {1, 2}}}]],
}  # fmt: skip


@pytest.mark.parametrize(("name", "given"), [(name, item) for name, items in TAKEN.items() for item in items])
def test_it_is_taken(name: str, given: Any) -> None:
    with workflow("w") as written:
        made(**{name: given})
    assert written.ir.operations


@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for name, items in REFUSED.items() for number in range(len(items))]
)
def test_it_is_refused(name: str, number: int) -> None:
    with pytest.raises(InvalidInput) as caught, workflow("w"):
        made(**{name: REFUSED[name][number]})
    said = f"{caught.value.message} {caught.value.hint}"
    words = {"env": ("env", "variable"), "args": ("argument",), "step_name": ("step",), "resources": ("amount",)}
    assert any(word in said for word in (name.replace("_", " "), name, *words.get(name, ())))
    assert caught.value.hint
    assert str(caught.value.file).endswith("test_checked.py")


SCHEDULES = ["0 3 * * *", "*/5 0-6 1,15 JAN-MAR mon", "@daily", "@every 1h30m", "0 0 * * 7", "0 0 L * *", "0 0 * * 5#2"]


@pytest.mark.parametrize("cron", SCHEDULES)
def test_schedules_of_either_engine_are_taken(cron: str) -> None:
    with workflow("w", schedule=cron) as written:
        made()
    assert written.ir.kind == "CronWorkflow"


@pytest.mark.parametrize("cron", ["", "daily", "@dayly", "* * * *", "61 * * * *", "0 3 * * mo", "0 3 * * * *", 3, True])
def test_schedules_of_none_are_refused(cron: Any) -> None:
    for given in (lambda: workflow("w", schedule=cron), lambda: couler.Schedule(cron)):
        with pytest.raises(InvalidInput, match="schedule") as caught:
            given()
        assert (str(caught.value.file).endswith("test_checked.py"), bool(caught.value.hint)) == (True, True)


SETTINGS: dict[str, list[Any]] = {
    "timeout": [0, -1, "60", True],
    "time_to_clean": [-1, "1h"],
    "service_account": ["Robot", "a b", 3],
    "labels": [{"a": 1}, {"a": True}, {"a": "x y"}],
    "annotations": [{"a": 1}],
    "image_pull_secrets": ["registry", ["A B"]],
    "dns_policy": ["default", 3],
    "dns_config": [{"nameservers": {"b", "a"}}, {"x": b"y"}, {"x": {1: 2}}],
    "tolerations": [["x"], [{"key": object()}]],
}


@pytest.mark.parametrize(("name", "number"), [(name, n) for name, items in SETTINGS.items() for n in range(len(items))])
def test_settings_are_checked_before_anything_is_written(name: str, number: int) -> None:
    with pytest.raises(InvalidInput, match=name) as caught:
        workflow("w", **{name: SETTINGS[name][number]})
    assert (str(caught.value.file).endswith("test_checked.py"), bool(caught.value.hint)) == (True, True)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda: couler.Schedule("@daily", timezone="Mars/Olympus"), "no time zone 'Mars/Olympus'"),
        (lambda: couler.Schedule("@daily", concurrency_policy="Never"), "concurrency_policy is 'Never'"),
        (lambda: untyped.Schedule("@daily", suspend="false"), "suspend is 'false'"),
        (lambda: couler.VolumeMount("Data", "/x"), "name of the volume is 'Data'"),
        (lambda: couler.VolumeClaimTemplate("x", size="lots"), "size is 'lots', which is no amount"),
        (
            lambda: untyped.VolumeClaimTemplate("x", "ReadWriteOnce"),
            "access_modes is 'ReadWriteOnce', which is no list",
        ),
        (lambda: couler.VolumeClaimTemplate("x", ("ReadWrite",)), "access mode is 'ReadWrite'"),
        (lambda: couler.obtain_secret("My Secret", ["A"]), "name of the Secret is 'My Secret'"),
        (lambda: couler.obtain_secret("db", ["A B"]), "key of the Secret is 'A B'"),
        (lambda: untyped.create_hdfs_artifact("/x", "host:1", "/y"), "addresses is 'host:1', which is no list"),
        (lambda: untyped.create_local_artifact("/x", is_global="no"), "is_global is 'no'"),
        (lambda: couler.create_s3_artifact("/x", "b", ""), "the key of '/x' is empty"),
        (lambda: untyped.workflow(3), "name of the workflow is 3"),
        (lambda: workflow("w", parameters={"day": [1]}), "the parameter 'day' is \\[1\\]"),
        (
            lambda: workflow("w", parameters={"a b": 1}),
            "name of a parameter is 'a b', which cannot be used in references",
        ),
        (lambda: couler.create_local_artifact("/x", name="{x}"), "name of an artifact is '{x}'"),
        (lambda: untyped.run(3), "3 is no submitter"),
        (lambda: untyped.to_python(workflow("w")), "is no workflow of the IR"),
        (lambda: untyped.ArgoSubmitter(output=3), "output is 3"),
    ],
    ids=range(19),
)
def test_other_arguments(write: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        write()
    assert caught.value.hint


def test_a_block_needs_a_name() -> None:
    with pytest.raises(InvalidInput, match="the workflow of a block has no name"), workflow(""):
        made()


def test_arguments_by_name_are_the_same() -> None:
    with workflow("w") as written:
        first = made(step_name="a")
        couler.when(condition=equal(left=first, right="x"), function=lambda: made(step_name="b"))
        couler.set_exit_handler(status=couler.WFStatus.Always, function=lambda: made(step_name="c"))
    assert [step.name for step in written.ir.graphs[0].steps] == ["a", "b"]


def two_of_one_name() -> None:
    first = made(step_name="a", output=couler.create_local_artifact("/a/model"))
    second = made(step_name="b", output=couler.create_local_artifact("/b/model"))
    made(step_name="c", input=[first, second])


def handler_in_a_condition() -> None:
    couler.when(equal(made(step_name="a"), "x"), lambda: couler.set_exit_handler(couler.WFStatus.Failed, made))


def quoted_beside_numbers() -> None:
    first = made(step_name="a")
    couler.when(bigger(first, 3), lambda: couler.when(equal(first, "x' || '1'=='1"), lambda: made(step_name="b")))


LOST: dict[str, tuple[Callable[[], object], str]] = {
    "the first of two inputs": (two_of_one_name, "two inputs are called 'model'"),
    "the first of two outputs": (
        lambda: made(output=[couler.create_local_artifact("/a/x"), couler.create_local_artifact("/b/x")]),
        "two outputs are called 'x'",
    ),
    "a variable": (lambda: made(env={"A": 1}, secret=couler.obtain_secret("db", ["A"])), "'A' is given twice"),
    "the condition of a handler": (handler_in_a_condition, "an exit handler belongs to the whole workflow"),
    "the end of a text": (quoted_beside_numbers, "cannot be compared beside numbers"),
    "a volume": (lambda: made(volume_mounts=[couler.VolumeMount("data", "/d")]), "mounts the volume 'data'"),
    "the place of a file": (
        lambda: made(input=couler.get_step_output("a", "model", "artifact")),
        "the step 'a' does not say where it writes the artifact 'model'",
    ),
    "packages of a text": (lambda: couler.run_script("sh", source="x", packages=["numpy"]), "takes no packages"),
    "the command of a function": (lambda: couler.run_script(source=length, args=["x"], command="pypy"), "has command="),
    "a number that is none": (lambda: bigger(made(), "nan"), "'nan' is no number"),
    "a number with a mark": (lambda: bigger(made(), "1_000"), "'1_000' is no number"),
    "a comparison with nothing": (lambda: equal(made(), None), "what is compared with is None"),
    "another volume": (
        lambda: [couler.add_volume(couler.Volume("v", claim)) for claim in ("a", "b")],
        "another volume 'v'",
    ),
}


def file_again() -> couler.Returned:
    return made(step_name="b", output=couler.create_local_artifact("/m/model"))


FILES: dict[str, Callable[[Any], object]] = {
    "a text": lambda file: made(args=[f"--model={file}"]),
    "the environment": lambda file: made(env={"X": file}),
    "a program": lambda file: couler.run_script("busybox", source=f"cat {file}"),
    "a function": lambda file: couler.run_script(source=length, args=[file]),
    "a manifest": lambda file: couler.run_job({"kind": "Job", "x": f"{file}"}),
    "a ready-made step": lambda file: couler.run_step("load-csv", url=file),
    "a condition": lambda file: couler.when(equal(file, "x"), made),
    "a loop": lambda file: couler.map(lambda item: made(args=[item]), file),
    "a loop that asks": lambda file: couler.exec_while(equal("x"), file_again),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_is_no_text(what: str) -> None:
    def write() -> None:
        FILES[what](made(step_name="first", output=couler.create_local_artifact("/m/model")))

    with pytest.raises(InvalidInput, match="is the artifact 'model', which is a file") as caught, workflow("w"):
        write()
    assert ".path" in str(caught.value.hint)


def test_a_file_may_be_taken_twice() -> None:
    with workflow("w") as written:
        file: Any = made(step_name="a", output=couler.create_local_artifact("/m/model"))
        made(step_name="b", args=[file, f"--place={file['model'].path}"], input=file)
    (step,) = (step for step in written.ir.graphs[0].steps if step.name == "b")
    assert [(argument.name, argument.kind) for argument in step.arguments] == [("model", "artifact")]


@pytest.mark.parametrize("what", LOST)
def test_what_would_be_lost_is_said(what: str) -> None:
    write, message = LOST[what]
    with pytest.raises(InvalidInput, match=message) as caught, workflow("w"):
        write()
    assert (bool(caught.value.hint), str(caught.value.file).endswith("test_checked.py")) == (True, True)


def test_a_function_that_prints_keeps_what_is_said_of_its_pod() -> None:
    with workflow("w") as written:
        couler.run_script(source=flip, node_selector={"a": "b"}, output=couler.create_local_artifact("/x"), daemon=True)
    (operation,) = written.ir.operations
    assert operation.native_extra is not None
    assert (operation.native_extra.data, operation.daemon) == ({"nodeSelector": {"a": "b"}}, True)
    assert [output.name for output in operation.outputs] == ["x"]


def test_numbers_with_a_point_are_the_same_text_in_every_engine() -> None:
    with workflow("w") as written:
        couler.map(lambda item: made(args=[item], step_name="a"), [1.0, 1e-7, 2])
    assert all(text in written.to(engine) for engine in ("argo", "kfp", "tekton") for text in ('"1.0"', '"1e-07"'))
    assert "[['1.0'], ['1e-07'], ['2']]" in written.to("airflow")


@pytest.mark.parametrize("text", ["a}}b", "{{x}}", "}}}", "it's {{", "a\tb", "a}", "{"])
def test_what_is_compared_with_does_not_end_the_tag_around_it(text: str) -> None:
    with workflow("w") as written:
        first = made(step_name="a")
        couler.when(equal(first, text), lambda: made(step_name="b"))
    task = yaml.safe_load(written.to("argo"))["spec"]["templates"][0]["dag"]["tasks"][1]
    tag, rest = task["when"].removeprefix("{{=").split("}}", 1)
    quoted = tag.removeprefix("tasks.a.outputs.result == ")
    assert rest == ""
    assert (json.loads(quoted) if quoted[0] == '"' else quoted[1:-1]) == text


def test_a_loop_may_ask_about_what_is_around_it() -> None:
    with workflow("w", parameters={"day": "x"}) as written:
        first = made(step_name="first")
        couler.map(
            lambda item: couler.exec_while(
                couler.not_equal(first), lambda: made(step_name="again", args=[item, written.parameter("day")])
            ),
            [1, 2],
        )
        couler.exec_while(equal(written.parameter("day")), lambda: made(step_name="other"))
    graphs = {graph.name: graph for graph in written.ir.graphs}
    (again,) = (step for step in graphs["again-while"].steps if step.condition is not None)
    assert [item.name for item in references(again.condition)] == ["result", "first-result"]
    assert [step.name for step in graphs["main"].steps if "first" in {need.step for need in needed(step.needs)}]
    assert "inputs.parameters['first-result']" in written.to("argo")
    assert runpy_of(couler.to_python(written.ir)) == written.ir


def runpy_of(source: str) -> Workflow:
    """The workflow that Python of the interface writes."""
    found: dict[str, Any] = {}
    exec(compile(source, "<written>", "exec"), found)  # what to_python printed
    made: Workflow = found["workflow"].ir
    return made


def test_a_dag_may_name_a_step_that_is_before_it() -> None:
    with workflow("w") as written:
        made(step_name="a")
        made(step_name="x")
        couler.dag([[lambda: made(step_name="a"), lambda: made(step_name="b")], [lambda: made(step_name="c")]])
    waits = {step.name: {need.step for need in needed(step.needs)} for step in written.ir.graphs[0].steps}
    assert waits == {"a": set(), "x": {"a"}, "b": {"a", "x"}, "c": {"x"}}


def test_tekton_fills_nothing_into_what_is_compared_with() -> None:
    with workflow("w", parameters={"day": "monday"}) as written:
        first = made(step_name="a")
        couler.when(equal(first, "$(params.day)"), lambda: made(step_name="b"))
    with pytest.raises(Unsupported, match="take for one of its variables"):
        written.to("tekton")


def test_a_block_that_failed_can_be_written_anew() -> None:
    written = workflow("w", parameters={"day": "x"})
    day = written.parameter("day")
    with pytest.raises(ZeroDivisionError), written:
        couler.concurrent([lambda: made(step_name="a"), lambda: 1 // 0])
    with pytest.raises(InvalidInput, match="'nowhere'"), written:
        couler.set_dependencies(lambda: made(step_name="a"), ["nowhere"])
    with written:
        made(step_name="b", args=[day])
    assert [step.name for step in written.ir.graphs[0].steps] == ["b"]


def plain() -> Workflow:
    with workflow("w") as written:
        made(step_name="a")
    return written.ir


WHOLE: dict[str, Mapping[str, Any]] = {
    "namespace": {"namespace": "ml"},
    "prefix": {"prefix": "w-"},
    "stages": {"graphs": {"stages": (("a",),)}},
    "finalizers": {"graphs": {"finalizers": ("a",)}},
    "fail_fast": {"graphs": {"fail_fast": False}},
    "parallelism": {"graphs": {"parallelism": Literal(value=2)}},
}


@pytest.mark.parametrize("what", WHOLE)
def test_printing_leaves_nothing_out(what: str) -> None:
    found = plain()
    (graph,) = found.graphs
    changes = dict(WHOLE[what])
    if "graphs" in changes:
        changed: Graph = replace(graph, **changes["graphs"])
        changes = {"graphs": (changed,)}
    with pytest.raises(Unsupported, match=what):
        couler.to_python(replace(found, **changes))


def test_a_folder_that_cannot_be_written_into(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with workflow("w") as written:
        made()
    with pytest.raises(InvalidInput, match="cannot be written"):
        couler.ArgoSubmitter(output=tmp_path / "file").hand_over(written)
    with pytest.raises(InvalidInput, match="3 is no workflow"):
        untyped.ArgoSubmitter(output="-").hand_over(3)
