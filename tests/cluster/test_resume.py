"""`couler resume` on the cluster: what is done is not done again, and results are those of a whole run."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cluster.cluster import Cluster
from cluster.commands import busybox, couler, dag, pipeline, written
from cluster.commands import task as tekton_task

EFFECTS = "/effects"
MOUNTS = [{"name": "effects", "mountPath": EFFECTS}]
BROKEN = "exit 1 # broken"
"""What is mended in the file of the second run."""


def said(name: str, script: str) -> str:
    """A script that appends its name to a log, then does something."""
    return f"set -e; echo {name} >> {EFFECTS}/log; {script}"


def volumes(folder: Path) -> list[dict[str, Any]]:
    return [{"name": "effects", "hostPath": {"path": str(folder), "type": "Directory"}}]


class Case(NamedTuple):
    """A run that fails, and what is expected of the one that resumes it.

    Attributes:
        document: what fails; it is mended by taking `BROKEN` out.
        done: the steps that are not done again, as their effects name them, each with how often it has run.
        again: the others: so often they run in both runs together.
        out: what the last step writes.
    """

    document: dict[str, Any]
    done: dict[str, int]
    again: dict[str, int]
    out: str


def leaf(name: str, script: str, **fields: Any) -> dict[str, Any]:
    """A template of Argo with an effect."""
    template = busybox(name, said(name, script), **fields)
    template["container"]["volumeMounts"] = [*MOUNTS, *template.pop("mounts", [])]
    return template


def takes(*names: str) -> dict[str, Any]:
    return {"inputs": {"parameters": [{"name": name} for name in names]}}


def passes(**values: str) -> dict[str, Any]:
    return {"arguments": {"parameters": [{"name": name, "value": value} for name, value in values.items()]}}


MADE = {"outputs": {"parameters": [{"name": "num", "valueFrom": {"path": "/tmp/num"}}]}}
FILE = {"outputs": {"artifacts": [{"name": "file", "path": "/tmp/file"}]}}


def results(folder: Path) -> Case:
    """Parameters, results and conditions: what is skipped stays skipped."""
    tasks = [
        {"name": "a", "template": "a"},
        {"name": "b", "template": "b", "depends": "a"},
        {"name": "no", "template": "no", "depends": "a", "when": "{{tasks.a.outputs.result}} == 8"},
        {
            "name": "c",
            "template": "c",
            "depends": "b && (no || no.Skipped)",
            "when": "{{tasks.a.outputs.result}} == 7",
            **passes(x="{{tasks.a.outputs.result}}", w="<{{tasks.b.outputs.parameters.num}}>"),
        },
    ]
    templates = [
        leaf("a", "echo 7"),
        leaf("b", "echo -n 5 > /tmp/num", **MADE),
        leaf("no", "true"),
        leaf(
            "c",
            f"{BROKEN}; echo '{{{{inputs.parameters.x}}}} {{{{inputs.parameters.w}}}}' > {EFFECTS}/out",
            **takes("x", "w"),
        ),
    ]
    return Case(dag("results-", tasks, templates, volumes=volumes(folder)), {"a": 1, "b": 1}, {"c": 2}, "7 <5>")


def loop(folder: Path) -> Case:
    """A loop that is done, whose results are a list, before one that fails."""
    tasks = [
        {"name": "each", "template": "each", "withItems": [3, 1, 2], **passes(x="{{item}}")},
        {
            "name": "sum",
            "template": "sum",
            "depends": "each",
            **passes(all="{{tasks.each.outputs.parameters.num}}", rows="{{tasks.each.outputs.parameters}}"),
        },
        {
            "name": "again",
            "template": "again",
            "depends": "sum",
            "withParam": "{{tasks.each.outputs.parameters.num}}",
            **passes(x="{{item}}"),
        },
    ]
    write = f"{BROKEN}; echo '{{{{inputs.parameters.all}}}} {{{{inputs.parameters.rows}}}}' > {EFFECTS}/out"
    templates = [
        leaf("each", "echo -n '{{inputs.parameters.x}}0' > /tmp/num", **MADE, **takes("x")),
        leaf("sum", write, **takes("all", "rows")),
        leaf("again", "test -n '{{inputs.parameters.x}}'", **takes("x")),
    ]
    out = '["30","10","20"] [{"num":"30"},{"num":"10"},{"num":"20"}]'
    return Case(dag("loop-", tasks, templates, volumes=volumes(folder)), {"each": 3}, {"sum": 2, "again": 3}, out)


def nested(folder: Path) -> Case:
    """A graph that fails inside, called twice, which gives what both of its steps make; no step is edited."""
    inner = {
        "name": "inner",
        **takes("x"),
        "dag": {
            "tasks": [
                {"name": "p", "template": "p", **passes(x="{{inputs.parameters.x}}")},
                {"name": "q", "template": "q", "depends": "p", **passes(x="{{tasks.p.outputs.parameters.num}}")},
            ]
        },
        "outputs": {
            "parameters": [
                {"name": "p", "valueFrom": {"parameter": "{{tasks.p.outputs.parameters.num}}"}},
                {"name": "q", "valueFrom": {"parameter": "{{tasks.q.outputs.parameters.num}}"}},
            ]
        },
    }
    tasks = [
        {"name": "one", "template": "inner", **passes(x="1")},
        {"name": "two", "template": "inner", "depends": "one", **passes(x="2")},
        {
            "name": "end",
            "template": "end",
            "depends": "two",
            **passes(all=" ".join(f"{{{{tasks.{t}.outputs.parameters.{o}}}}}" for t in ("one", "two") for o in "pq")),
        },
    ]
    fails = f"[ '{{{{inputs.parameters.x}}}}' = 1p -o -e {EFFECTS}/mended ]"
    templates = [
        inner,
        leaf("p", "echo -n '{{inputs.parameters.x}}p' > /tmp/num", **MADE, **takes("x")),
        leaf("q", f"{fails}; echo -n '{{{{inputs.parameters.x}}}}q' > /tmp/num", **MADE, **takes("x")),
        leaf("end", f"echo '{{{{inputs.parameters.all}}}}' > {EFFECTS}/out", **takes("all")),
    ]
    document = dag("nested-", tasks, templates, volumes=volumes(folder))
    return Case(document, {"p": 2}, {"q": 3, "end": 1}, "1p 1pq 2p 2pq")


def artifacts(folder: Path) -> Case:
    """Files in S3, plain and packed, in steps: stages instead of a graph."""
    plain = {"name": "plain", "path": "/tmp/plain", "archive": {"none": {}}}
    packed = {"name": "packed", "path": "/tmp/packed"}
    reads = {"inputs": {"artifacts": [{"name": name, "path": f"/tmp/{name}"} for name in ("plain", "packed")]}}
    froms = [{"name": name, "from": f"{{{{steps.make.outputs.artifacts.{name}}}}}"} for name in ("plain", "packed")]
    steps = [
        [{"name": "make", "template": "make"}, {"name": "other", "template": "other"}],
        [{"name": "use", "template": "use", "arguments": {"artifacts": froms}}],
    ]
    make = "mkdir /tmp/packed; echo 1 > /tmp/packed/a; echo 2 > /tmp/plain"
    templates = [
        leaf("make", make, outputs={"artifacts": [plain, packed]}),
        leaf("other", "true"),
        leaf("use", f"{BROKEN}; cat /tmp/plain /tmp/packed/a | tr '\\n' ' ' > {EFFECTS}/out", **reads),
    ]
    document = dag("artifacts-", [], templates, volumes=volumes(folder))
    document["spec"]["templates"][0] = {"name": "main", "steps": steps}
    return Case(document, {"make": 1, "other": 1}, {"use": 2}, "2 1")


def claim(folder: Path) -> Case:
    """A volume that the workflow claims for itself, and an exit handler, which runs each time."""
    mounts = {"mounts": [{"name": "work", "mountPath": "/work"}]}
    tasks = [{"name": "fill", "template": "fill"}, {"name": "read", "template": "read", "depends": "fill"}]
    templates = [
        leaf("fill", "echo full > /work/file", **mounts),
        leaf("read", f"{BROKEN}; cat /work/file > {EFFECTS}/out", **mounts),
        leaf("end", "true"),
    ]
    return Case(
        dag(
            "claim-",
            tasks,
            templates,
            volumes=volumes(folder),
            onExit="end",
            volumeClaimTemplates=[{"metadata": {"name": "work"}, "spec": wanted(folder.name)}],
        ),
        {"fill": 1},
        {"read": 2, "end": 2},
        "full",
    )


def task(name: str, script: str, **fields: Any) -> dict[str, Any]:
    """A task of Tekton with an effect."""
    made = tekton_task(name, said(name, script), **fields)
    made["taskSpec"]["steps"][0]["volumeMounts"] = MOUNTS
    return made


def on(folder: Path, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tasks, with the folder of effects."""
    for item in tasks:
        item["taskSpec"]["volumes"] = volumes(folder)
    return tasks


def param(**values: Any) -> dict[str, Any]:
    return {"params": [{"name": name, "value": value} for name, value in values.items()]}


def task_results(folder: Path) -> Case:
    """Results as parameters, in texts, and of the pipeline."""
    tasks = [
        task("a", "printf 7 > $(results.num.path)", results=["num"]),
        task("b", "printf 5 > $(results.num.path)", results=["num"], runAfter=["a"]),
        task(
            "c",
            f"{BROKEN}; echo '$(params.x) $(params.w)' > {EFFECTS}/out; printf 1 > $(results.num.path)",
            results=["num"],
            **param(x="$(tasks.a.results.num)", w="<$(tasks.b.results.num)>"),
        ),
    ]
    handed = [{"name": "all", "value": "$(tasks.c.results.num)$(tasks.a.results.num)"}]
    document = pipeline("results-", on(folder, tasks), results=handed)
    return Case(document, {"a": 1, "b": 1}, {"c": 2}, "7 <5>")


def task_when(folder: Path) -> Case:
    """Conditions on what is done, and tasks that were skipped."""
    is_seven = {"input": "$(tasks.a.results.num)", "operator": "in", "values": ["7"]}
    tasks = [
        task("a", "printf 7 > $(results.num.path)", results=["num"]),
        task("no", "true", when=[is_seven | {"operator": "notin"}]),
        task("b", "true", when=[is_seven]),
        task(
            "c", f"{BROKEN}; echo $(params.x) > {EFFECTS}/out", when=[is_seven], runAfter=["b", "no"], **param(x="it")
        ),
    ]
    return Case(pipeline("when-", on(folder, tasks)), {"a": 1, "b": 1}, {"c": 2}, "it")


def task_matrix(folder: Path) -> Case:
    """A matrix that is done, whose results are a list, in front of one over that list."""
    each = task("each", "printf '%s0' $(params.x) > $(results.num.path)", results=["num"])
    each["taskSpec"]["params"] = [{"name": "x"}]
    again = task("again", f"{BROKEN}; echo $(params.x) >> {EFFECTS}/out")
    again["taskSpec"]["params"] = [{"name": "x"}]
    tasks = [
        each | {"matrix": param(x=["3", "1"])},
        again | {"matrix": param(x="$(tasks.each.results.num[*])"), "retries": 0},
    ]
    # Both of the second matrix fail in the first run.
    return Case(pipeline("matrix-", on(folder, tasks)), {"each": 2}, {"again": 4}, "10 30")


def task_claim(folder: Path) -> Case:
    """A workspace on a claim that the run makes for itself."""
    use = {"workspaces": [{"name": "work"}]}
    tasks = on(folder, [
        task("fill", "echo full > $(workspaces.work.path)/file"),
        task("read", f"{BROKEN}; cat $(workspaces.work.path)/file > {EFFECTS}/out", runAfter=["fill"]),
    ])  # fmt: skip
    for item in tasks:
        item["taskSpec"]["workspaces"] = [{"name": "work"}]
    document = pipeline("claim-", [item | use for item in tasks], **use)
    document["spec"]["workspaces"] = [{"name": "work", "volumeClaimTemplate": {"spec": wanted(folder.name)}}]
    return Case(document, {"fill": 1}, {"read": 2}, "full")


def task_finally(folder: Path) -> Case:
    """Tasks of `finally`, which run each time and read what is done, and how it ended."""
    last = task(
        "last",
        f"echo '$(params.x) $(params.how)' > {EFFECTS}/out",
        **param(x="$(tasks.a.results.num)", how="$(tasks.a.status)"),
    )
    tasks = [task("a", "printf 7 > $(results.num.path)", results=["num"]), task("b", BROKEN, runAfter=["a"])]
    document = pipeline("finally-", on(folder, tasks), **{"finally": on(folder, [last])})
    return Case(document, {"a": 1}, {"b": 2, "last": 2}, "7 Succeeded")


def wanted(name: str) -> dict[str, Any]:
    """What a claim asks for: the volume of this test."""
    return {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": name,
        "resources": {"requests": {"storage": "1Mi"}},
    }


ARGO: dict[str, Callable[[Path], Case]] = {case.__name__: case for case in (results, loop, nested, artifacts, claim)}
TEKTON: dict[str, Callable[[Path], Case]] = {
    case.__name__.removeprefix("task_"): case
    for case in (task_results, task_when, task_matrix, task_claim, task_finally)
}
ENGINES = {"argo": ARGO, "tekton": TEKTON}
CASES = [(engine, name) for engine, cases in ENGINES.items() for name in cases]


@pytest.fixture
def effects(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[Path]:
    """A folder of the node for effects, and a volume in it that claims of this name get."""
    folder = tmp_path / namespace
    (folder / "volume").mkdir(parents=True)
    (folder / "log").touch()
    spec = wanted(namespace) | {"capacity": {"storage": "1Mi"}, "hostPath": {"path": str(folder / "volume")}}
    del spec["resources"]
    volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": namespace}, "spec": spec}
    cluster.apply([volume])
    yield folder
    cluster.kubectl("delete", "persistentvolume", namespace, "--wait=false")


@pytest.mark.parametrize(("engine", "name"), CASES)
def test_what_is_done_is_not_done_again(
    cluster: Cluster, namespace: str, effects: Path, tmp_path: Path, engine: str, name: str
) -> None:
    case = ENGINES[engine][name](effects)
    failed = couler(cluster, tmp_path, "run", written(tmp_path, case.document), "--namespace", namespace)
    assert failed.returncode == 1, failed.stdout + failed.stderr
    (effects / "mended").touch()
    run = failed.stdout.split(":")[0].rpartition("/")[2]
    mended = written(tmp_path, broken_no_more(case.document), "mended.yaml")
    arguments = ("resume", run, mended, "--engine", engine, "--namespace", namespace, "--run")
    done = couler(cluster, tmp_path, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    log = Counter((effects / "log").read_text().split())
    assert log == case.done | case.again, done.stderr
    lines = (effects / "out").read_text().splitlines()
    assert " ".join(sorted(line.strip() for line in lines)) == case.out


def broken_no_more(document: dict[str, Any]) -> dict[str, Any]:
    mended: dict[str, Any] = json.loads(json.dumps(copy.deepcopy(document)).replace("exit 1 # broken", "true"))
    return mended
