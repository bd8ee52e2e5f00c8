"""What is declared beside steps: artifacts, secrets, volumes, limits, schedules, exit handlers; and who refuses it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import yaml

import couler_plugins.authoring as couler
from couler_plugins import Text, lint
from couler_plugins.authoring import AuthoredWorkflow, WFStatus, workflow
from couler_plugins.errors import Unsupported


def spec_of(written: AuthoredWorkflow) -> dict[str, Any]:
    """Argo's spec of a workflow that its lint has nothing to say of."""
    text = written.to("argo")
    found = [item for item in lint(Text(text, "made.yaml")).findings if item.severity == "error"]
    assert found == []
    spec: dict[str, Any] = yaml.safe_load(text)["spec"]
    return spec


def template(spec: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(item for item in spec["templates"] if item["name"] == name)
    return found


STORED = {
    "s3": (
        couler.create_s3_artifact("/out/model", "b", "k", ("s", "access"), ("s", "secret"), insecure=True),
        {
            "bucket": "b",
            "key": "k",
            "endpoint": "s3.amazonaws.com",
            "insecure": True,
            "accessKeySecret": {"name": "s", "key": "access"},
            "secretKeySecret": {"name": "s", "key": "secret"},
        },
    ),
    "oss": (
        couler.create_oss_artifact("/out/model", "b", "k", "oss.example.com", ("s", "access"), ("s", "secret")),
        {
            "bucket": "b",
            "key": "k",
            "endpoint": "oss.example.com",
            "accessKeySecret": {"name": "s", "key": "access"},
            "secretKeySecret": {"name": "s", "key": "secret"},
        },
    ),
    "gcs": (
        couler.create_gcs_artifact("/out/model", "b", "k", ("s", "key")),
        {"bucket": "b", "key": "k", "serviceAccountKeySecret": {"name": "s", "key": "key"}},
    ),
    "hdfs": (
        couler.create_hdfs_artifact("/out/model", ["name:8020"], "/models/1", user="me"),
        {"addresses": ["name:8020"], "path": "/models/1", "hdfsUser": "me"},
    ),
    "local": (couler.create_local_artifact("/out/model"), None),
}


@pytest.mark.parametrize("store", STORED)
def test_an_artifact_is_left_in_its_store_and_handed_on(store: str) -> None:
    declared, content = STORED[store]
    with workflow("w") as written:
        model = couler.run_container("train", ["train"], output=declared, step_name="train")
        couler.run_container("serve", ["serve"], ["--model", model], step_name="serve")
    spec = spec_of(written)
    stored = {} if content is None else {store: content}
    assert template(spec, "train")["outputs"]["artifacts"] == [{"name": "model", "path": "/out/model", **stored}]
    assert template(spec, "serve")["container"]["args"] == ["--model", "/out/model"]
    assert template(spec, "serve")["inputs"]["artifacts"] == [{"name": "model", "path": "/out/model"}]
    tasks = {task["name"]: task for task in template(spec, "main")["dag"]["tasks"]}
    source = "{{tasks.train.outputs.artifacts.model}}"
    assert tasks["serve"]["arguments"]["artifacts"] == [{"name": "model", "from": source}]


@pytest.mark.parametrize(
    ("engine", "way"), [("airflow", "store=CLAIM"), ("kfp", "leaves it out"), ("tekton", "address as a parameter")]
)
def test_engines_that_keep_artifacts_elsewhere_refuse_a_store_by_step(engine: str, way: str) -> None:
    with workflow("w") as written:
        couler.run_container("train", ["train"], output=STORED["s3"][0], step_name="train")
    with pytest.raises(Unsupported, match=r"artifact 'model'|'model' that is an artifact") as caught:
        written.to(engine)
    assert (caught.value.step, way in str(caught.value.hint)) == ("train", True)


def test_a_repository_and_a_stored_file_are_taken() -> None:
    code = couler.create_git_artifact("/src", "https://example.com/x.git", "main", depth=1)
    with workflow("w") as written:
        couler.run_container("build", ["make"], input=[code, STORED["gcs"][0]], step_name="build")
    code_port, model_port = template(spec_of(written), "build")["inputs"]["artifacts"]
    assert code_port["git"] == {"repo": "https://example.com/x.git", "revision": "main", "depth": 1}
    assert (model_port["path"], sorted(model_port["gcs"])) == (
        "/out/model",
        ["bucket", "key", "serviceAccountKeySecret"],
    )


def test_a_global_parameter_is_seen_by_the_whole_run() -> None:
    with workflow("w") as written:
        shown = couler.create_parameter_artifact("/tmp/score", is_global=True)
        couler.run_container("busybox", ["true"], output=shown, step_name="score")
    (output,) = template(spec_of(written), "score")["outputs"]["parameters"]
    assert output == {"name": "score", "globalName": "score", "valueFrom": {"path": "/tmp/score"}}


def test_a_container_says_what_it_needs() -> None:
    with workflow("w") as written:
        couler.add_volume(couler.Volume("data", "claim"))
        couler.add_volume(couler.Volume("scratch"))
        couler.create_workflow_volume(couler.VolumeClaimTemplate("work", size="5Gi"))
        couler.run_container(
            "busybox",
            ["true"],
            env={"MODE": "fast"},
            secret=couler.obtain_secret("db", {"PASSWORD": "key"}),
            resources={"requests": {"cpu": 1}, "limits": {"memory": "1Gi"}},
            retry=3,
            timeout=90,
            image_pull_policy="Always",
            volume_mounts=[couler.VolumeMount("data", "/data", read_only=True)],
            working_dir="/data",
            node_selector={"gpu": "yes"},
            step_name="all",
        )
    spec = spec_of(written)
    assert [item["name"] for item in spec["volumes"]] == ["data", "scratch"]
    assert spec["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] == "5Gi"
    found = template(spec, "all")
    assert (found["retryStrategy"]["limit"], found["timeout"], found["nodeSelector"]) == (3, "90s", {"gpu": "yes"})
    assert found["container"] == {
        "image": "busybox",
        "command": ["true"],
        "env": [
            {"name": "MODE", "value": "fast"},
            {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "key"}}},
        ],
        "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
        "imagePullPolicy": "Always",
        "workingDir": "/data",
        "volumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": True}],
    }


def scheduled() -> AuthoredWorkflow:
    schedule = couler.Schedule("0 3 * * *", "Europe/Berlin", concurrency_policy="Allow")
    with workflow("nightly", schedule=schedule, timeout=3600, labels={"team": "ml"}) as written:
        couler.run_container("busybox", ["true"], step_name="work")
    return written


def test_a_schedule_makes_what_runs_by_itself() -> None:
    data = yaml.safe_load(scheduled().to("argo"))
    assert (data["kind"], data["metadata"]) == ("CronWorkflow", {"name": "nightly", "labels": {"team": "ml"}})
    assert (data["spec"]["schedule"], data["spec"]["timezone"]) == ("0 3 * * *", "Europe/Berlin")
    assert data["spec"]["workflowSpec"]["activeDeadlineSeconds"] == 3600
    source = scheduled().to("airflow")
    assert "schedule=CronTriggerTimetable('0 3 * * *', timezone='Europe/Berlin')" in source
    assert "dagrun_timeout=timedelta(seconds=3600)" in source


@pytest.mark.parametrize("engine", ["kfp", "tekton"])
def test_a_schedule_is_left_out_where_runs_are_started_by_others(engine: str, caplog: pytest.LogCaptureFixture) -> None:
    assert "nightly" in scheduled().to(engine)
    assert "0 3 * * *, Europe/Berlin" in caplog.text
    assert {record.levelname for record in caplog.records} == {"WARNING"}


@pytest.mark.parametrize("engine", ["airflow", "kfp", "tekton"])
def test_a_handler_that_always_runs_is_on_every_engine(engine: str) -> None:
    with workflow("w") as written:
        couler.run_container("busybox", ["true"], step_name="work")
        couler.set_exit_handler(WFStatus.Always, lambda: couler.run_container("busybox", ["echo"], step_name="bye"))
    assert "bye" in written.to(engine)
    assert spec_of(written)["onExit"] == "bye"


def by_status() -> AuthoredWorkflow:
    with workflow("w") as written:
        couler.run_container("busybox", ["true"], step_name="work")
        for status in (WFStatus.Succeeded, WFStatus.Failed, WFStatus.Error):
            tell = partial(couler.run_container, "busybox", "echo", status.value, step_name="tell")
            couler.set_exit_handler(status, tell)
    return written


def test_handlers_by_status_run_where_it_ended_like_that() -> None:
    spec = spec_of(by_status())
    tasks = template(spec, spec["onExit"])["dag"]["tasks"]
    assert [(task["when"], task["arguments"]["parameters"][0]["value"]) for task in tasks] == [
        (f"{{{{=workflow.status == '{status}'}}}}", status) for status in ("Succeeded", "Failed", "Error")
    ]


@pytest.mark.parametrize("engine", ["airflow", "kfp", "tekton"])
def test_handlers_by_status_are_refused_with_a_way_out(engine: str) -> None:
    with pytest.raises(Unsupported) as caught:
        by_status().to(engine)
    assert (caught.value.engine, bool(caught.value.step), bool(caught.value.hint)) == (engine, True, True)


@pytest.mark.parametrize("engine", ["airflow", "kfp", "tekton"])
def test_a_resource_is_refused_by_step(engine: str) -> None:
    with workflow("w") as written:
        couler.run_job({"apiVersion": "batch/v1", "kind": "Job"}, step_name="pi")
    with pytest.raises(Unsupported, match="'pi' is a resource") as caught:
        written.to(engine)
    assert (caught.value.step, bool(caught.value.hint)) == ("pi", True)
