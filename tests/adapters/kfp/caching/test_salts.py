"""What a salt covers, and what it does not; salts are made anew and never pile up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.kfp.caching.small import change, decisions, document, pipeline, pure, rules, text
from couler_plugins.api import Text, optimize
from couler_plugins.errors import InvalidInput
from couler_plugins.options.config import load_config

EXECUTOR = "spec/deploymentSpec/executors/exec-make"
CONFIG = "platform/platforms/kubernetes/deploymentSpec/executors/exec-make"
MAKE = "spec/root/dag/tasks/make"


def declared() -> dict[str, Any]:
    return pure(pipeline(), "exec-make", "exec-use")


def salts(data: dict[str, Any], options: str = "cache") -> dict[str, str]:
    tasks = document(data, options)["root"]["dag"]["tasks"]
    return {
        name: task["inputs"]["parameters"]["couler-salt"]["runtimeValue"]["constant"]
        for name, task in tasks.items()
        if "couler-salt" in task["inputs"].get("parameters", {})
    }


COVERED: dict[str, tuple[str, Any]] = {
    "a variable": (f"{EXECUTOR}/container/env", [{"name": "MODE", "value": "fast"}]),
    "the image": (f"{EXECUTOR}/container/image", "example/tool@sha256:" + "1" * 64),
    "an init container": (f"{CONFIG}/initContainers", [{"name": "i", "image": "i"}]),
    "what nobody has heard of": (f"{EXECUTOR}/container/tomorrow", {"x": 1}),
    "platform configuration that nobody has heard of": (f"{CONFIG}/tomorrow", {"x": 1}),
    "a default": ("spec/components/comp-make/inputDefinitions/parameters/number/defaultValue", 7),
    "its version": (
        f"{CONFIG}/podMetadata/annotations",
        {"couler.io/cache": "pure", "couler.io/cache-version": "2"},
    ),
}
FREE: dict[str, tuple[str, Any]] = {
    "resources": (f"{EXECUTOR}/container/resources", {"resourceCpuLimit": "2"}),
    "where it runs": (f"{CONFIG}/nodeSelector", {"labels": {"disk": "fast"}}),
    "labels": (f"{CONFIG}/podMetadata/labels", {"team": "a"}),
    "a deadline": (f"{CONFIG}/activeDeadlineSeconds", "60"),
    "retries": (f"{MAKE}/retryPolicy", {"maxRetryCount": 3}),
    "the name to show": (f"{MAKE}/taskInfo/name", "Make it"),
    "its arguments, which are in the fingerprint": (f"{MAKE}/inputs/parameters/number/runtimeValue/constant", 6),
    "the name of the pipeline": ("spec/pipelineInfo/name", "other"),
}


@pytest.mark.parametrize("name", [*COVERED, *FREE])
def test_a_salt_covers_what_a_result_depends_on_and_nothing_else(name: str) -> None:
    path, content = {**COVERED, **FREE}[name]
    data = declared()
    before = salts(data)
    change(data, path, content)
    after = salts(data)
    assert (after["make"] != before["make"]) is (name in COVERED)
    assert after["use"] == before["use"]  # it is told of the artifact, which is another one then


@pytest.mark.parametrize("own", [None, "own"])
def test_the_version_of_a_pipeline_counts_for_all_tasks(own: str | None) -> None:
    def found(version: str) -> str:
        data = declared()
        if own is not None:
            pure(data, "exec-make", **{"couler.io/cache-version": own})
        metadata = {"name": "small", "annotations": {"couler.io/cache-version": version}}
        spec = {"pipelineName": "small", "pipelineSpec": data["spec"], "platformSpec": data["platform"]}
        head = {"apiVersion": "pipelines.kubeflow.org/v2beta1", "kind": "PipelineVersion"}
        whole: dict[str, Any] = {**head, "metadata": metadata, "spec": spec}
        (file,) = optimize(whole, "cache").files
        tasks = file.documents[0]["spec"]["pipelineSpec"]["root"]["dag"]["tasks"]
        salt: str = tasks["make"]["inputs"]["parameters"]["couler-salt"]["runtimeValue"]["constant"]
        return salt

    assert found("1") != found("2")


@pytest.mark.parametrize("said", ["pure", "ttl=24h"])
def test_a_second_time_changes_nothing(said: str) -> None:
    options = "cache{epoch=2026-11-26}"
    (once,) = optimize(text(pure(declared(), "exec-use", said=said)), options).files
    assert once.text is not None
    (again,) = optimize(Text(once.text), options).files
    assert not again.edits
    reasons = [item.reason for item in again.decisions if not item.action]
    assert any("up to date" in reason for reason in reasons)


def test_a_salt_that_is_out_of_date_is_made_anew() -> None:
    data = declared()
    salted = {"spec": document(data), "platform": data["platform"]}
    change(salted, f"{EXECUTOR}/container/env", [{"name": "MODE", "value": "fast"}])
    change(data, f"{EXECUTOR}/container/env", [{"name": "MODE", "value": "fast"}])
    assert salts(salted) == salts(data)
    never = pure(salted, "exec-make", said="never")
    assert "couler-salt" not in str(document(never)["components"]["comp-make"])


def test_tasks_that_share_a_component_have_salts_of_their_own_or_none() -> None:
    data = declared()
    tasks = data["spec"]["root"]["dag"]["tasks"]
    order = {**tasks["make"], "taskInfo": {"name": "more"}, "dependentTasks": ["use"]}
    change(data, "spec/root/dag/tasks/more", order)
    change(data, "spec/root/dag/tasks/off", {**tasks["make"], "taskInfo": {"name": "off"}})
    change(data, "spec/root/dag/tasks/off/inputs/parameters/number/runtimeValue/constant", "{{$.pipeline_job_name}}")
    spec = document(data)
    found = salts(data)
    assert found.keys() == {"make", "use", "more"}
    assert found["make"] != found["more"]  # which comes after `use`, and nothing else tells of that
    inputs = spec["components"]["comp-make"]["inputDefinitions"]["parameters"]
    assert inputs["couler-salt"] == {"parameterType": "STRING", "isOptional": True}


def test_what_only_a_run_knows_of_steps_before_is_handed_over_beside_the_salt() -> None:
    data = declared()
    change(data, "spec/root/inputDefinitions", {"parameters": {"day": {"parameterType": "NUMBER_INTEGER"}}})
    change(data, f"{MAKE}/inputs/parameters/number", {"componentInputParameter": "day"})
    tasks = data["spec"]["root"]["dag"]["tasks"]
    order = {**tasks["make"], "taskInfo": {"name": "more"}, "dependentTasks": ["make"]}
    change(data, "spec/root/dag/tasks/more", order)
    change(data, "spec/root/dag/tasks/more/inputs/parameters/number", {"runtimeValue": {"constant": 1}})
    parameters = document(data)["root"]["dag"]["tasks"]["more"]["inputs"]["parameters"]
    assert parameters["couler-salt-1"] == {"componentInputParameter": "day"}


def test_a_value_does_not_tell_of_what_its_task_came_after() -> None:
    found = []
    for number in (1, 2):
        data = declared()
        tasks = data["spec"]["root"]["dag"]["tasks"]
        tasks["use"]["dependentTasks"] = ["make", "more"]
        for name, before in (("more", []), ("tell", ["use"])):
            change(data, f"spec/root/dag/tasks/{name}", {**tasks["make"], "taskInfo": {"name": name}})
            tasks[name]["dependentTasks"] = before
        tasks["more"]["inputs"]["parameters"]["number"] = {"runtimeValue": {"constant": number}}
        value = {"taskOutputParameter": {"producerTask": "use", "outputParameterKey": "Output"}}
        tasks["tell"]["inputs"]["parameters"]["number"] = value
        found.append(salts(data))
    assert found[0]["use"] != found[1]["use"]
    assert found[0]["tell"] != found[1]["tell"]


def test_a_result_that_is_good_for_a_time_is_salted_with_the_period() -> None:
    data = pure(declared(), "exec-make", said="ttl=24h")
    day = [
        salts(data, f"cache{{epoch={moment}}}")["make"] for moment in ("2026-11-26", "2026-11-26T23:59", "2026-11-27")
    ]
    assert day[0] == day[1] != day[2]
    assert salts(data, "cache{epoch=1764115200}")["use"] == salts(declared())["use"]


@pytest.mark.parametrize(("options", "on"), [("cache", True), ("cache{strict=true}", False)])
def test_without_an_epoch_it_has_no_salt_and_its_owner_is_warned(options: str, on: bool) -> None:
    data = pure(declared(), "exec-make", said="ttl=24h")
    assert rules(data, options)["make"] == ("no-epoch", on)
    assert "make" not in salts(data, options)
    if on:
        (warning,) = decisions(data)["make"].warnings
        assert warning.remedy == "-p 'cache{epoch=…}'"


@pytest.mark.parametrize("moment", ["soon", "-1", "2026-13-01", "9" * 13])
def test_an_epoch_that_is_none_is_refused(moment: str) -> None:
    with pytest.raises(InvalidInput, match="neither a date"):
        document(declared(), f'cache{{epoch="{moment}"}}')


def test_a_mutable_image_is_said() -> None:
    data = change(declared(), f"{EXECUTOR}/container/image", "example/tool:latest")
    assert "no digest" in decisions(data)["make"].reason
    assert "no digest" not in decisions(data)["use"].reason


def test_a_version_in_the_settings_is_in_the_salt(tmp_path: Path) -> None:
    found = []
    for version in ("1", "2"):
        row = f'[[cache.declare]]\ntask = ["make", "use"]\npure = true\nversion = "{version}"\n'
        (tmp_path / "couler.toml").write_text(row)
        (file,) = optimize(text(pipeline()), "cache", config=load_config(start=tmp_path, environ={})).files
        tasks = file.documents[0]["root"]["dag"]["tasks"]
        found.append(tasks["make"]["inputs"]["parameters"]["couler-salt"])
    assert found[0] != found[1]
