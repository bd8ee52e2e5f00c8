"""`couler run` and `couler stop` of Tekton's documents from end to end, against a server in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kmock
import pytest
import yaml
from click.testing import Result

from adapters.tekton.running.cluster import NAMESPACE, Cluster, Refused, plural_of
from adapters.tekton.running.controller import Controller
from adapters.tekton.split.generating import train
from adapters.tekton.split.interpreter import Ran, run_document
from adapters.tekton.split.runs import split

pytestmark = pytest.mark.sampled

Couler = Callable[..., Result]
PARTS = ["train-part-1", "train-part-2", "train-finally", "train-finally-2"]
PIPELINES = sorted(PARTS)


def together(controller: Controller) -> dict[str, Any]:
    """All tasks that ran, in whatever run."""
    found: dict[str, Any] = {}
    for ran in controller.ran.values():
        assert not found.keys() & ran.tasks.keys()
        assert ran.mistakes == []
        found |= ran.tasks
    return found


def whole(failing: frozenset[str] = frozenset()) -> Ran:
    return run_document(train(), train()[0], failing, "train")


def test_parts_run_in_order_and_what_they_do_is_what_the_whole_does(server: Cluster, couler_command: Couler) -> None:
    controller = Controller(server)
    done = couler_command("run", "split.yaml", "--run-id", "r1")
    assert done.exit_code == 0, done.output
    assert together(controller) == whole().tasks
    assert [name for _, name in server.creations()] == PARTS
    assert sorted(server.stored("pipelines")) == PIPELINES, "what is left of the pipeline is not put into the cluster"
    results = whole().results
    assert done.stdout.splitlines()[-3:] == [
        f"{NAMESPACE}/train: succeeded",
        f"  score = {results['score']}",
        f"  said = {results['said']}",
    ]


def test_results_of_the_whole_may_be_put_together(server: Cluster, couler_command: Couler) -> None:
    (run,) = train()
    run["spec"]["pipelineSpec"]["results"] = [
        {"name": "both", "value": "$(tasks.fetch.results.key)-$(tasks.fit.results.score)"},
        {"name": "item", "value": "$(tasks.fetch.results.list[1])"},
        {"name": "field", "value": "$(tasks.clean.results.o.a)"},
        {"name": "all", "type": "array", "value": ["begin", "$(tasks.fetch.results.list[*])"]},
        {"name": "some", "type": "object", "value": {"a": "$(tasks.clean.results.o.a)", "b": "b"}},
        {"name": "beyond", "value": "$(tasks.fetch.results.list[9])"},
    ]
    Path("split.yaml").write_text(yaml.safe_dump_all(split([run], "max-steps=2")))
    Controller(server)
    done = couler_command("run", "split.yaml", "--run-id", "r1", "--format", "json")
    assert done.exit_code == 0, done.output
    expected = run_document([run], run, frozenset(), "train").results
    assert "beyond" not in expected, "Tekton leaves out a result that has no value"
    told = {item["name"]: item["value"] for item in json.loads(done.stdout)["jobs"][-1]["outputs"]}
    for name in ("all", "some"):  # lists and mappings are told as JSON
        told[name] = json.loads(told[name])
    assert told == expected


def test_values_cross_with_their_types(server: Cluster, couler_command: Couler) -> None:
    Controller(server)
    couler_command("run", "split.yaml")
    runs = server.stored("pipelineruns")
    given = {item["name"]: item["value"] for item in runs["train-part-2"]["spec"]["params"]}
    assert given["tags"] == ["a", "b"]
    assert set(given["clean-o"]) == {"a", "b"}
    first = {item["name"]: item["value"] for item in runs["train-part-1"]["spec"]["params"]}
    assert first["pipelinerun-name"] == "train"
    assert runs["train-part-2"]["spec"]["taskRunSpecs"] == [{"pipelineTaskName": "fit", "serviceAccountName": "gpu"}]
    assert "taskRunSpecs" not in runs["train-part-1"]["spec"]
    assert {key: runs["train-part-1"]["metadata"]["labels"][key] for key in ("couler.io/part", "couler.io/whole")} == {
        "couler.io/part": "part-1",
        "couler.io/whole": "train",
    }


def shared(server: Cluster) -> dict[str, Any]:
    """What a split leaves where both parts use the workspace."""
    (run,) = train()
    for task in run["spec"]["pipelineSpec"]["tasks"]:
        task["workspaces"] = [{"name": "data", "workspace": "data"}]
        task["taskSpec"]["workspaces"] = [{"name": "data"}]
    Path("split.yaml").write_text(yaml.safe_dump_all(split([run], "max-steps=2")))
    return dict(run)


def test_a_template_of_a_claim_becomes_a_claim_that_the_parts_share(server: Cluster, couler_command: Couler) -> None:
    run = shared(server)
    controller = Controller(server)
    done = couler_command("run", "split.yaml", "--run-id", "r1")
    assert done.exit_code == 0, done.output
    (claim,) = server.stored("persistentvolumeclaims").values()
    assert claim["metadata"]["name"] == "train-data"
    assert claim["metadata"]["labels"] == {"couler.io/run": "r1", "couler.io/whole": "train"}
    assert claim["spec"] == run["spec"]["workspaces"][0]["volumeClaimTemplate"]["spec"]
    runs = server.stored("pipelineruns")
    for part in ("train-part-1", "train-part-2"):
        bound = [{"name": "data", "persistentVolumeClaim": {"claimName": "train-data"}}]
        assert runs[part]["spec"]["workspaces"] == bound
    assert together(controller) == run_document([run], run, name="train").tasks


@pytest.mark.parametrize("failing", ["fetch", "clean", "fit", "report", "tell", "tidy"])
def test_what_runs_at_the_end_runs_also_where_a_part_fails(
    server: Cluster, couler_command: Couler, failing: str
) -> None:
    controller = Controller(server, frozenset({failing}))
    done = couler_command("run", "split.yaml")
    assert done.exit_code == 1, done.output
    expected = whole(frozenset({failing})).tasks
    found = together(controller)
    assert found == {name: given for name, given in expected.items() if name in found}
    assert {"tell"} <= found.keys()
    assert ("tidy" in found) is ("tidy" in expected)
    assert found["tell"] == expected["tell"], "$(tasks.status) is that of the whole"
    if failing == "fetch":
        assert "train-finally-2" not in server.stored("pipelineruns")
        assert "part-1 has no result 'fetch-key'" in done.stderr
    if failing in ("fetch", "clean"):
        assert "train-part-2" not in server.stored("pipelineruns")


def test_a_part_that_failed_is_tried_again_where_it_was_deleted(server: Cluster, couler_command: Couler) -> None:
    controller = Controller(server, frozenset({"fit"}))
    assert couler_command("run", "split.yaml", "--run-id", "r1").exit_code == 1
    for name in ("train-part-2", "train-finally", "train-finally-2"):
        controller.delete(name)
    controller.failing = frozenset()
    again = couler_command("run", "split.yaml", "--run-id", "r1")
    assert again.exit_code == 0, again.output
    assert "PipelineRun ml/train-part-1: there already" in again.stderr
    assert [name for _, name in server.creations()].count("train-part-2") == 2
    assert together(controller) == whole().tasks


REQUESTS = 33
"""How many a whole run makes."""
SOME = [(9, "before"), (9, "after"), (18, "after"), (REQUESTS, "before")]
"""The first creation, and requests while the second part is there, and the last one."""


def test_a_whole_run_makes_as_many_requests_as_are_tried(server: Cluster, couler_command: Couler) -> None:
    Controller(server)
    assert couler_command("run", "split.yaml", "--run-id", "r1").exit_code == 0
    assert len(server.asked) == REQUESTS


def dies(server: Cluster, couler_command: Couler, number: int, moment: str) -> None:
    """A driver dies at a request: it is refused what nobody tries again, before that was done, or after."""
    controller = Controller(server)
    seen: list[kmock.Request] = []

    def dying(request: kmock.Request) -> None:
        seen.append(request)
        if len(seen) == number:
            raise Refused(status=418, reason="Dead")

    def before(request: kmock.Request) -> None:
        dying(request)
        controller.before(request)

    if moment == "before":
        server.before = before
    else:
        server.after = dying
    first = couler_command("run", "split.yaml", "--run-id", "r1", "--journal", "j")
    assert first.exit_code in (0, 3), first.output  # an answer may say that what was asked for is not there
    again = couler_command("run", "split.yaml", "--run-id", "r1", "--journal", "j")
    assert again.exit_code == 0, again.output
    assert sorted(server.stored("pipelineruns")) == PIPELINES
    assert together(controller) == whole().tasks


@pytest.mark.parametrize(("number", "moment"), SOME)
def test_a_driver_that_dies_is_taken_up_and_nothing_runs_twice(
    server: Cluster, couler_command: Couler, number: int, moment: str
) -> None:
    dies(server, couler_command, number, moment)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(1, REQUESTS + 1))
def test_a_driver_that_dies_anywhere_is_taken_up(
    server: Cluster, couler_command: Couler, number: int, moment: str
) -> None:
    dies(server, couler_command, number, moment)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_passes_is_tried_again(server: Cluster, couler_command: Couler, status: int) -> None:
    controller = Controller(server)
    seen: dict[Any, int] = {}

    def before(request: kmock.Request) -> None:
        key = (request.action, plural_of(request), request.name)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] == 1:
            raise Refused(status=status, reason="Later", headers={"Retry-After": "0"} if status == 429 else {})
        controller.before(request)

    server.before = before
    done = couler_command("run", "split.yaml")
    assert done.exit_code == 0, done.output
    assert together(controller) == whole().tasks


def test_an_answer_that_is_lost_is_no_second_run(server: Cluster, couler_command: Couler) -> None:
    controller = Controller(server)
    lost: set[str] = set()

    def after(request: kmock.Request) -> None:
        if request.action == kmock.action.CREATE and request.data["metadata"]["name"] not in lost:
            lost.add(request.data["metadata"]["name"])
            raise Refused(status=504, reason="GatewayTimeout")

    server.after = after
    done = couler_command("run", "split.yaml")
    assert done.exit_code == 0, done.output
    assert "PipelineRun ml/train-part-1: there already" in done.stderr
    assert together(controller) == whole().tasks


def test_another_run_of_that_name_is_left_alone(server: Cluster, couler_command: Couler) -> None:
    Controller(server)
    assert couler_command("run", "split.yaml", "--run-id", "one").exit_code == 0
    done = couler_command("run", "split.yaml", "--run-id", "two")
    assert done.exit_code == 2
    assert "there is another PipelineRun ml/train-part-1 already" in done.stderr


def test_what_somebody_else_has_set_is_left_and_nothing_runs(server: Cluster, couler_command: Couler) -> None:
    def before(request: kmock.Request) -> None:
        if request.action == kmock.action.UPDATE:
            raise Refused(status=409, reason="Conflict", message='conflict with "kubectl": .spec')

    server.before = before
    done = couler_command("run", "split.yaml")
    assert done.exit_code == 3
    assert "--force overwrites it" in done.stderr
    assert server.creations() == []


def test_a_cluster_that_goes_away_between_parts_is_told_and_the_run_is_taken_up(
    server: Cluster, couler_command: Couler
) -> None:
    controller = Controller(server)

    def before(request: kmock.Request) -> None:
        if "train-part-2" in server.stored("pipelineruns"):
            raise Refused(status=503, reason="ServiceUnavailable")
        controller.before(request)

    server.before = before
    done = couler_command("run", "split.yaml", "--run-id", "r1")
    assert done.exit_code == 3
    assert "to go on: call the same again with --run-id r1" in done.stderr
    server.before = controller.before
    again = couler_command("run", "split.yaml", "--run-id", "r1")
    assert again.exit_code == 0, again.output
    assert sorted(server.stored("pipelineruns")) == PIPELINES
    assert together(controller) == whole().tasks


def test_a_split_that_is_stopped_has_all_its_parts_stopped(server: Cluster, couler_command: Couler) -> None:
    Controller(server)
    assert couler_command("run", "split.yaml", "--no-wait", "--run-id", "r").exit_code == 0
    done = couler_command("stop", "--engine", "tekton", "train")
    assert done.exit_code == 0, done.output
    assert server.stored("pipelineruns")["train-part-1"]["spec"]["status"] == "StoppedRunFinally"
    done = couler_command("stop", "--engine", "tekton", "train-part-1", "--terminate")
    assert "train-part-1" in done.output


def test_a_missing_part_is_told(server: Cluster, couler_command: Couler) -> None:
    documents = list(yaml.safe_load_all(Path("split.yaml").read_text()))
    left = [item for item in documents if item["metadata"]["name"] != "train-part-2"]
    Path("split.yaml").write_text(yaml.safe_dump_all(left))
    done = couler_command("run", "split.yaml")
    assert done.exit_code == 2
    assert "the part 'train-part-2' of 'train' is not here" in done.stderr
    assert server.asked == []


def plain() -> list[dict[str, Any]]:
    """A pipeline that nobody has split, in documents of its own, with a TaskRun of its own."""
    (run,) = train()
    spec = run["spec"].pop("pipelineSpec")
    spec["params"].append({"name": "loose"})
    head = {"apiVersion": "tekton.dev/v1"}
    run["spec"]["pipelineRef"] = {"name": "train"}
    run["metadata"] = {"generateName": "train-"}
    task = {"steps": [{"image": "busybox"}]}
    return [
        run,
        {**head, "kind": "Pipeline", "metadata": {"name": "train"}, "spec": spec},
        {**head, "kind": "Task", "metadata": {"name": "one"}, "spec": task},
        {**head, "kind": "TaskRun", "metadata": {"name": "once"}, "spec": {"taskRef": {"name": "one"}}},
    ]


def test_what_nobody_has_split_is_put_in_place_and_created(server: Cluster, couler_command: Couler) -> None:
    Controller(server)
    Path("plain.yaml").write_text(yaml.safe_dump_all(plain()))
    done = couler_command("run", "plain.yaml", "--run-id", "r1", "--parameter", "rows=8", "--format", "json")
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert [job["name"].split()[0] for job in record["jobs"]] == ["Task", "Pipeline", "TaskRun", "PipelineRun"]
    (run,) = server.stored("pipelineruns").values()
    assert run["metadata"]["name"].startswith("train-")
    assert {"name": "rows", "value": "8"} in run["spec"]["params"]
    assert [item["name"] for item in record["jobs"][-1]["outputs"]] == ["score", "said"]


def test_a_pipeline_is_split_and_run_at_once(server: Cluster, couler_command: Couler) -> None:
    controller = Controller(server)
    documents = plain()[:2]
    documents[0]["metadata"] = {"name": "train"}
    Path("plain.yaml").write_text(yaml.safe_dump_all(documents))
    done = couler_command("run", "-p", "split{partitioner=bandpack,max-steps=2}", "plain.yaml")
    assert done.exit_code == 0, done.output
    assert together(controller) == run_document(documents, documents[0], name="train").tasks


def test_parts_in_a_pipeline_are_one_run(server: Cluster, couler_command: Couler) -> None:
    from adapters.tekton.split.test_nesting import nest, passing

    controller = Controller(server)
    Path("nested.yaml").write_text(yaml.safe_dump_all(nest(passing(), "max-steps=2")))
    done = couler_command("run", "nested.yaml")
    assert done.exit_code == 0, done.output
    assert server.creations() == [("pipelineruns", "train")]
    assert together(controller) == run_document(passing(), passing()[0], name="train").tasks


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "split.yaml", "--run-id", "Upper"], "cannot name a run"),
        (["run", "split.yaml", "--parameter", "nobody=1"], "no run has a parameter 'nobody'"),
        (["run", "split.yaml", "--parameter", "tags=1"], "the parameter 'tags' is no text"),
    ],
)
def test_what_makes_no_sense_submits_nothing(
    server: Cluster, couler_command: Couler, arguments: list[str], message: str
) -> None:
    done = couler_command(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert server.asked == []


def test_what_may_not_be_submitted_is_refused_before_anything_is_put_in_place(
    server: Cluster, couler_command: Couler
) -> None:
    server.forbidden = {("create", "pipelineruns")}
    done = couler_command("run", "split.yaml")
    assert done.exit_code == 3
    assert f"you may not create pipelineruns in {NAMESPACE}" in done.stderr
    assert server.stored("pipelines") == {}
