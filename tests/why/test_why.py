"""`couler why`: which run is meant, where it comes from, what is said of it, and what the exit code is."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_history import instance
from cli.conftest import Couler
from couler_argo import attempts
from couler_plugins.cli import why as module
from couler_plugins.errors import EngineError
from couler_plugins.hookspecs.running import Failure, Where
from couler_plugins.reliability.diagnosis import DECLARED, diagnose
from couler_plugins.reliability.table import CAUSES
from couler_plugins.runs import Attempt, ContainerUse, Fate, Run, StepRun
from couler_plugins.runs.history_file import line_of
from servers.airflow_api import ApiServer, Handler
from why.conftest import RECORDED

pytestmark = pytest.mark.sampled

MIB = 2**20
BEGAN = 1767225600.0


def attempt(end: float | None = 10.0, message: str = "", **more: Any) -> Attempt:
    fields: dict[str, Any] = {"succeeded": False, "message": message, "start": BEGAN, **more}
    return Attempt(end=None if end is None else BEGAN + end, **fields)


def ran(name: str, *tries: Attempt, fate: Fate = "failed", parents: tuple[int, ...] = (), **more: Any) -> StepRun:
    spec: dict[str, Any] = {"type": "t", "spec": "s", "key": "k", **more}
    return StepRun(step=f"main/{name}", tries=tries, fate=fate, parents=parents, **spec)


def run(name: str, *steps: StepRun, **more: Any) -> Run:
    fields: dict[str, Any] = {"family": "nightly", "engine": "argo", "uid": f"uid-{name}", "at": BEGAN, **more}
    return Run(name=name, steps=steps, **{"whole": False, **fields})


def history(*runs: Run, path: str = "history.jsonl") -> str:
    Path(path).write_bytes(b"".join(line_of(item) + b"\n" for item in runs))
    return path


FAILED = ran("fit", attempt(exit_code=1, reason="Error", message="main: Error (exit code 1)"))
GOOD = run("good", ran("fit", attempt(succeeded=True), fate="computed"), whole=True, at=BEGAN + 900)
OLD, NEW = run("old", FAILED, at=BEGAN), run("new", FAILED, at=BEGAN + 500)


@pytest.mark.parametrize(
    ("name", "said"), [("old", "old"), ("uid-old", "old"), ("new", "new"), ("nightly", "new"), ("uid-new", "new")]
)
def test_a_run_has_a_name_a_uid_and_a_workflow_whose_newest_failure_is_meant(why: Couler, name: str, said: str) -> None:
    path = history(NEW, OLD, GOOD, run("other", FAILED, family="weekly", at=BEGAN + 999))
    result = why(name, "--history", path, "--format", "json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["run"] == {
        "name": said,
        "workflow": "nightly",
        "engine": "argo",
        "uid": f"uid-{said}",
        "ended": BEGAN + (500 if said == "new" else 0),
    }
    assert json.loads(why(path, "--run", name, "--format", "json").stdout)["run"]["name"] == said


def test_a_file_without_a_name_tells_of_its_newest_failure(why: Couler) -> None:
    assert "run: new of nightly on argo" in why(history(NEW, OLD, GOOD)).stdout
    assert "run: new of nightly on argo" in why("-", stdin=Path("history.jsonl").read_bytes()).stdout
    assert "run: new of nightly on argo" in why("nightly", "--from", "history.jsonl").stdout


def test_a_name_that_no_run_has_is_an_error_that_says_what_there_is(why: Couler) -> None:
    result = why("weekly", "--history", history(OLD))
    assert result.exit_code == 2
    assert "there is no run 'weekly'" in result.stderr
    assert "nightly" in result.stderr


@pytest.mark.parametrize(
    ("some", "said"),
    [
        (GOOD, "good of nightly did not fail."),
        (run("live", ran("fit", fate="pending"), whole=True), "live of nightly goes on."),
    ],
)
def test_a_run_that_did_not_fail_exits_with_one(why: Couler, some: Run, said: str) -> None:
    result = why(history(some))
    assert (result.exit_code, result.stdout.strip()) == (1, said)
    result = why(history(some), "--format", "json")
    assert (result.exit_code, json.loads(result.stdout)["failed"]) == (1, False)


def test_a_run_that_failed_without_a_step_is_not_explained(why: Couler) -> None:
    result = why(history(run("odd", ran("fit", fate="computed"))))
    assert result.exit_code == 2
    assert "odd of nightly failed, and none of its steps has" in result.stderr


def test_a_folder_of_the_name_of_a_workflow_is_no_file_beside_a_place(why: Couler) -> None:
    Path("nightly").mkdir()
    history(OLD, path="nightly/a.jsonl")
    assert "run: old of nightly" in why("nightly").stdout
    assert "run: new of nightly" in why("nightly", "--from", history(OLD, NEW)).stdout
    assert "run: old of nightly" in why("nightly", "--run", "old", "--from", "history.jsonl").stdout


def test_a_name_without_a_place_is_an_error(why: Couler) -> None:
    result = why("nightly")
    assert (result.exit_code, "no engine is given" in result.stderr) == (2, True)


def test_the_answer_is_the_first_line(why: Couler) -> None:
    steps = (
        ran("load", attempt(succeeded=True), fate="computed"),
        ran(
            "fit",
            attempt(5, reason="OOMKilled", exit_code=137, message="main: OOMKilled (exit code 137)"),
            attempt(
                60, reason="Evicted", message="The node was low on resource: memory.", pod="p", namespace="ml", node="n"
            ),
            parents=(0,),
        ),
        ran("report", fate="skipped", parents=(1,)),
        ran("copy", attempt(80, exit_code=1, reason="Error"), parents=(0,)),
        ran("tidy", attempt(90, exit_code=1, reason="Error"), parents=(1, 2)),
    )
    assert why(history(run("r", *steps))).stdout.splitlines() == [
        "main/fit failed first: node-pressure (infrastructure): The node was low on resource: memory.",
        "  run: r of nightly on argo, ended 2026-01-01T00:00:00Z",
        "  attempt 1 of 2: 2026-01-01T00:00:00Z, 5 seconds, exit code 137, OOMKilled, out-of-memory (resource)",
        "  attempt 2 of 2: 2026-01-01T00:00:00Z, 60 seconds, Evicted, on n, node-pressure (infrastructure)",
        "  cause: node-pressure (Kubernetes 1.34: pkg/kubelet/eviction/helpers.go); request what it uses",
        "  log: kubectl logs p --namespace ml --all-containers --tail=20",
        "  failed after it: main/tidy",
        "  did not run: main/report",
        f"  help: `guard` repeats it {DECLARED}",
        "Also failed: main/copy: program-failed (deterministic): Error",
    ]


def diagnosed(*steps: StepRun) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    found = diagnose(run("r", *steps), CAUSES)
    assert found is not None
    return found.first.step.step, tuple(one.step.step for one in found.others), found.following, found.idle


STOPPED = "workflow shutdown with strategy:  Stop"


def test_the_step_whose_last_attempt_ended_first_failed_first() -> None:
    early, late = attempt(20, exit_code=1), attempt(30, exit_code=1)
    assert diagnosed(ran("a", early, late), ran("b", attempt(25, exit_code=1)))[:2] == ("main/b", ("main/a",))
    assert diagnosed(ran("a", attempt(None)), ran("b", late))[:2] == ("main/b", ("main/a",))


def test_a_step_that_was_stopped_in_the_same_second_is_not_to_blame() -> None:
    stopped, failed = ran("a", attempt(20, STOPPED)), ran("b", attempt(20, exit_code=1))
    assert diagnosed(stopped, failed) == ("main/b", (), ("main/a",), ())
    # Who is stopped first is what somebody wanted, whatever failed after that.
    assert diagnosed(stopped, ran("b", attempt(21, exit_code=1))) == ("main/a", ("main/b",), (), ())


def test_a_step_of_a_graph_that_is_retried_is_as_its_last_attempt_left_it() -> None:
    failed, good = attempt(20, exit_code=1), attempt(40, succeeded=True)
    again = (ran("a", failed), ran("a", good, fate="computed"), ran("b", attempt(60, exit_code=2)))
    assert diagnosed(*again)[:2] == ("main/b", ())
    twice = (ran("a", failed), ran("a", attempt(40, exit_code=2)), ran("b", attempt(30, exit_code=2)))
    assert diagnosed(*twice)[:2] == ("main/b", ("main/a",))
    assert diagnosed(ran("a", failed, good))[:2] == ("main/a", ())  # it failed after its attempt


def test_a_step_that_is_tolerated_is_not_to_blame_for_another(why: Couler) -> None:
    lenient = ran("a", attempt(20, exit_code=1), tolerated=True)
    failed = ran("b", attempt(30, exit_code=1), parents=(0,))
    assert diagnosed(lenient, failed, ran("c", fate="skipped", parents=(1,))) == ("main/b", (), (), ("main/c",))
    path = history(run("r", lenient, failed))
    assert "  failed, and is tolerated: main/a" in why(path).stdout.splitlines()
    assert json.loads(why(path, "--format", "json").stdout)["tolerated"] == ["main/a"]
    history(run("r", lenient, ran("c", fate="pending"), whole=True), path=path)
    assert (why(path).exit_code, why(path).stdout) == (1, "r of nightly goes on.\n")
    # Who says of no other that it has failed may not know all.
    assert diagnosed(lenient, ran("c", fate="skipped"))[0] == "main/a"


def test_readers_of_engines_say_what_is_tolerated(why: Couler) -> None:
    document = json.loads((RECORDED / "tekton-finally.json").read_text())
    for item in document["items"]:
        for spec in (item["spec"], item["status"]):
            for task in spec.get("pipelineSpec", {}).get("tasks", ()):
                task.update({"onError": "continue"} if task["name"] == "work" else {})
    Path("run.json").write_text(json.dumps(document))
    assert why("run.json").stdout.startswith("pipeline/tidy failed: ")
    document = json.loads((RECORDED / "argo-exit-in-nested-dag.json").read_text())
    nodes = document["status"]["nodes"]
    (after,) = (node for node in nodes.values() if node["displayName"] == "publish")
    after |= {"phase": "Failed", "type": "Pod", "message": "main: Error (exit code 2)"}
    Path("run.json").write_text(json.dumps(document))
    assert why("run.json").stdout.startswith("main/publish failed: ")


@pytest.mark.parametrize(
    ("hook", "boundary", "entry", "said"),
    [
        ("r.a.onExit", "r", "Failed", "main/b"),
        ("r.a.hooks.notify", "r", "Failed", "main/b"),
        ("r.onExit", "", "Failed", "main/b"),
        ("r.hooks.notify", "", "Failed", "main/b"),
        ("r.onExit", "", "Succeeded", "t"),  # the one hook that makes a run fail
    ],
)
@pytest.mark.parametrize("graph", ["dag", "steps"])
def test_a_hook_that_argo_tolerates_is_not_to_blame(
    why: Couler, hook: str, boundary: str, entry: str, said: str, graph: str
) -> None:
    names = {"r.b": "Failed", hook: "Failed"}
    calls: list[Any] = [{"name": "a", "template": "t", "hooks": {}}, {"name": "b", "template": "t"}]
    calls[1] |= {"continueOn": {"failed": True}} if entry == "Succeeded" else {}
    nodes: dict[str, Any] = {"r": {"type": "DAG", "templateName": "main", "phase": entry, "displayName": "r"}}
    for minute, (name, phase) in enumerate(sorted(names.items(), key=lambda one: one[0] != hook or hook == "r.onExit")):
        times = {"startedAt": f"2026-01-01T00:0{minute}:00Z", "finishedAt": f"2026-01-01T00:0{minute}:30Z"}
        shown = name.removeprefix("r.") if boundary or name == "r.b" else name
        node = {"type": "Pod", "templateName": "t", "phase": phase, "displayName": shown, **times}
        flag = {"nodeFlag": {"hooked": True}} if name == hook else {}
        nodes[name] = {**node, **flag, "boundaryID": "r" if name == "r.b" else boundary}
    nodes = {name: {"id": name, "name": name, **node} for name, node in nodes.items()}
    main = {"name": "main", **({"dag": {"tasks": calls}} if graph == "dag" else {"steps": [[one] for one in calls]})}
    spec = {"entrypoint": "main", "templates": [main, {"name": "t", "container": {"image": "a", "command": ["x"]}}]}
    kind = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "r"}, "spec": spec}
    Path("run.json").write_text(json.dumps({**kind, "status": {"phase": "Failed", "nodes": nodes}}))
    assert why("run.json").stdout.startswith(f"{said} failed")


def test_a_chain_of_failures_takes_space_by_its_length() -> None:
    failed = attempt(20, exit_code=1)
    steps = [ran(str(one), failed, parents=(one - 1,) if one else ()) for one in range(2000)]
    tracemalloc.start()
    assert diagnosed(*steps)[0] == "main/0"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * MIB


def test_conditions_of_a_graph_are_read_once(why: Couler, monkeypatch: pytest.MonkeyPatch) -> None:
    document = json.loads((RECORDED / "argo-exit-in-nested-dag.json").read_text())
    node = next(one for one in document["status"]["nodes"].values() if one["displayName"] == "publish")
    reads: list[str] = []
    pattern = attempts.DEPENDS

    def read(text: str) -> list[str]:
        reads.append(text)
        return pattern.findall(text)

    monkeypatch.setattr(attempts, "DEPENDS", SimpleNamespace(findall=read))
    for number in range(20):
        name = f"{node['id']}-{number}"
        document["status"]["nodes"][name] = {**node, "id": name, "phase": "Failed", "type": "Pod", "displayName": name}
    Path("run.json").write_text(json.dumps(document))
    assert why("run.json").exit_code == 0
    calls = sum(len(one.get("dag", {}).get("tasks", ())) for one in document["spec"]["templates"])
    assert len(reads) <= calls


def helps(why: Couler, *past: Run, **of: Any) -> list[str]:
    result = why("r", "--history", history(run("r", ran("fit", attempt(**of))), *past), "--format", "json")
    said: list[str] = json.loads(result.stdout)["help"]
    return said


def use(memory: int, limit: int) -> tuple[ContainerUse, ...]:
    return (ContainerUse(container="main", memory=memory * MIB, memory_limit=limit * MIB),)


def test_help_with_memory_is_by_past_attempts(why: Couler) -> None:
    killed: dict[str, Any] = {"reason": "OOMKilled", "exit_code": 137, "containers": use(60, 64)}
    killed["message"] = "main: OOMKilled (exit code 137)"
    assert helps(why, **killed)[:2] == [
        "its limit is 64Mi",
        "`rightsize` sets memory by past attempts: name a history of them with --history",
    ]
    past = [
        run(f"p{peak}", ran("fit", attempt(succeeded=True, containers=use(peak, 128)), fate="computed"), whole=True)
        for peak in (90, 100)
    ]
    assert helps(why, *past, **killed) == [
        "its limit is 64Mi",
        "3 attempts needed 100Mi at most: `rightsize` sets memory by these",
        f"`guard` repeats it with more memory {DECLARED}",
    ]
    blind = [run(f"b{at}", ran("fit", attempt(succeeded=True), fate="computed"), whole=True) for at in range(4)]
    assert helps(why, *blind, **killed)[1] == (
        "`rightsize` sets memory by past attempts, and knows that of 1 of 5: "
        "`couler history fetch --prometheus URL` asks how much they used"
    )


def test_help_with_time_is_by_past_attempts(why: Couler) -> None:
    late: dict[str, Any] = {"message": "timeout"}
    past = [
        run(f"p{number}", ran("fit", attempt(1980 - number % 3, succeeded=True), fate="computed"), whole=True)
        for number in range(200)
    ]
    raised = "a limit of time has ended it: raise it where it is set, as `guard` changes none that is written"
    assert helps(why, **late) == [
        "how long past attempts took is not known: name a history of them with --history",
        raised,
        "`guard` does not repeat it: it would run out of time again",
    ]
    assert helps(why, *past, **late) == [
        "99% of 200 attempts that succeeded took 1,980 seconds or less",
        raised,
        "`guard` does not repeat it: it would run out of time again",
    ]


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("Pod failed before init container starts due to PodInitializing", "nothing of its program has run"),
        (STOPPED, "somebody has stopped it"),
        ('Usage of EmptyDir volume "x" exceeds the limit "1Mi". ', "it would need as much again"),
        ("main: Error (exit code 3)", "nothing tells whether it would fail again"),
        ("main: Error (exit code 127)", "it would fail again"),
        ("main: Error (exit code 1): connection refused", "argo does not tell it from an error of the program"),
        ("wait: Error (exit code 64): connection refused", f"`guard` repeats it {DECLARED}"),
    ],
)
def test_help_is_by_class(why: Couler, message: str, said: str) -> None:
    assert said in helps(why, message=message)[0]


@pytest.mark.parametrize(
    ("engine", "of", "said"),
    [
        (
            "tekton",
            {"reason": "StepFailed"},
            f"nothing tells whether it would fail again; on tekton, `guard` repeats any failure {DECLARED}",
        ),
        ("tekton", {"reason": "TaskRunCancelled"}, "`guard` does not repeat it: somebody has stopped it"),
        (
            "tekton",
            {"reason": "PodEvicted", "message": "The node was low on resource: memory."},
            f"`guard` repeats it {DECLARED}",
        ),
        (
            "kfp",
            {"reason": "OOMKilled"},
            f"it would need as much again; on kfp, `guard` repeats any failure {DECLARED}",
        ),
    ],
)
def test_help_is_by_what_an_engine_can_tell(why: Couler, engine: str, of: dict[str, Any], said: str) -> None:
    path = history(run("r", ran("fit", attempt(**of)), engine=engine))
    assert json.loads(why(path, "--format", "json").stdout)["help"][-1] == said


def test_what_is_tried_again_keeps_its_retry_and_an_unknown_engine_has_none(why: Couler) -> None:
    twice = ran("fit", attempt(message="pod deleted"), attempt(message="pod deleted"), attempts=2)
    said = "`guard` leaves the retry that it has: it was tried 2 times"
    assert json.loads(why(history(run("r", twice)), "--format", "json").stdout)["help"] == [said]
    path = history(run("r", ran("fit", attempt(message="pod deleted")), engine="nextflow"))
    assert json.loads(why(path, "--format", "json").stdout)["help"] == []


class Runner:
    """What tells of failures in a cluster."""

    def __init__(self, *failures: Failure, error: EngineError | None = None) -> None:
        self._failures = failures
        self._error = error
        self.places: list[str] = []

    def failures(self, place: str) -> Sequence[Failure]:
        self.places.append(place)
        if self._error is not None:
            raise self._error
        return self._failures


@pytest.mark.parametrize(
    ("runner", "lines"),
    [
        (Runner(Failure(step="fit", log=("one", "two"))), ["  log:", "    one", "    two"]),
        (
            Runner(Failure(step="fit", note="it is gone")),
            ["  log: it is gone; kubectl logs p --all-containers --tail=20"],
        ),
        (Runner(Failure(step="load", log=("x",))), ["  log: kubectl logs p --all-containers --tail=20"]),
        (Runner(error=EngineError("no answer")), ["  log: no answer; kubectl logs p --all-containers --tail=20"]),
        (None, ["  log: kubectl logs p --all-containers --tail=20"]),
    ],
)
def test_a_cluster_gives_the_last_lines(
    why: Couler, monkeypatch: pytest.MonkeyPatch, runner: Runner | None, lines: list[str]
) -> None:
    def offered(plugins: object, engine: str, where: Where) -> Runner | None:
        assert (engine, where) == ("argo", Where(context="c", namespace="ml"))
        return runner

    one = run("r", ran("fit", attempt(exit_code=1, pod="p")))
    monkeypatch.setattr(module, "offered_runner", offered)
    monkeypatch.setattr(module, "fetched_runs", lambda *arguments: [one])
    result = why("r", "--engine", "argo", "--from", "cluster", "--namespace", "ml", "--context", "c")
    assert result.exit_code == 0, result.stderr
    said = result.stdout.splitlines()
    assert said[4 : 4 + len(lines)] == lines
    assert runner is None or runner.places == ["r"]


def test_a_run_is_found_at_an_engine_by_its_workflow_its_uid_or_its_name(
    why: Couler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COULER_AIRFLOW_TOKEN", "a-token")
    with ApiServer() as server:
        server.tasks["train"] = [{"task_id": "work", "downstream_task_ids": []}]
        server.add_run("train", "r1", instance("work", state="failed"), state="failed")
        for name in ("train", "train/r1", "r1"):
            result = why(name, "--engine", "airflow", "--from", server.url)
            assert result.exit_code == 0, result.stderr
            assert result.stdout.startswith("train/work failed: ")
        assert why("weekly", "--engine", "airflow", "--from", server.url).exit_code == 2


def broken(handler: Handler) -> bool:
    handler.send_error(500)
    return True


def test_a_run_that_ended_well_did_not_fail_at_a_step_that_may(why: Couler) -> None:
    lenient = run("lenient", FAILED, ran("next", attempt(succeeded=True), fate="computed"), whole=True, at=BEGAN + 999)
    path = history(lenient, NEW)
    result = why("lenient", "--history", path)
    assert (result.exit_code, result.stdout) == (1, "lenient of nightly did not fail.\n")
    assert "run: new of nightly" in why("nightly", "--history", path).stdout
    history(run("open", FAILED, ran("next", fate="pending"), whole=True), path=path)
    assert "main/fit failed" in why("open", "--history", path).stdout


def test_an_engine_that_does_not_answer_exits_with_three(why: Couler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COULER_AIRFLOW_TOKEN", "a-token")
    with ApiServer() as server:
        server.faults.append(broken)
        assert why("train", "--engine", "airflow", "--from", server.url).exit_code == 3


def test_what_an_engine_says_moves_no_cursor_and_tells_no_secret(why: Couler) -> None:
    document = json.loads((RECORDED / "argo-loop.json").read_text())
    for node in document["status"]["nodes"].values():
        if node["phase"] == "Failed":
            node["message"] = "main: Error (exit code 4): \x1b[2J token=abcdef\nsecond line" + "." * 400
            node["hostNodeName"] = "node1\x1b[2J"
    Path("run.json").write_text(json.dumps(document))
    result = why("run.json")
    assert "abcdef" not in result.stdout
    assert "\x1b" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) < 300
