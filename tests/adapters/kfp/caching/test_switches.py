"""Which tasks are on afterwards, by which rule and with which warnings: by default, and under `strict`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.kfp.caching.small import change, decisions, document, pipeline, pure, rules, text
from couler_plugins.api import optimize
from couler_plugins.options.config import Config

pytestmark = pytest.mark.sampled

TASKS = "spec/root/dag/tasks"
MAKE, USE = f"{TASKS}/make", f"{TASKS}/use"
EXECUTOR = "spec/deploymentSpec/executors/exec-make"
CONFIG = "platform/platforms/kubernetes/deploymentSpec/executors/exec-make"
ON = {"enableCache": True}
STRICT = "cache{strict=true}"
OWNERS_WORD = ("never", "always")


def test_what_nobody_declared_and_no_rule_forbids_is_left_to_the_engine() -> None:
    data = pipeline()
    assert rules(data) == {"make": ("not-declared", True), "use": ("not-declared", True)}
    assert document(data) == data["spec"]
    assert "add_pod_annotation" in decisions(data)["make"].reason


def test_what_is_declared_is_salted_and_what_comes_after_it_as_well() -> None:
    data = pure(pipeline(), "exec-make", "exec-use")
    change(data, f"{USE}/cachingOptions", {})  # the SDK's default may be off
    assert rules(data) == {"make": ("", True), "use": ("", True)}
    tasks = document(data)["root"]["dag"]["tasks"]
    for task in tasks.values():
        assert len(task["inputs"]["parameters"]["couler-salt"]["runtimeValue"]["constant"]) == 64


def test_assuming_purity_does_not_overrule_a_switch() -> None:
    data = pipeline()
    change(data, f"{USE}/cachingOptions", {})
    assert rules(data, "cache{assume-pure=true}") == {"make": ("", True), "use": ("switched-off", False)}


def test_a_producer_that_nobody_declared_leaves_its_consumers_to_the_engine() -> None:
    """`use` is told of `make` by the artifact; `last` is told of `use` by its value, and of `make` by nothing."""
    data = pure(pipeline(), "exec-use", "exec-last")
    assert rules(data) == {"make": ("not-declared", True), "use": ("", True)}
    pure(data, "exec-use", said="native")  # nobody declares it then
    last = {"cachingOptions": ON, "componentRef": {"name": "comp-last"}, "taskInfo": {"name": "last"}}
    change(data, f"{TASKS}/last", {**last, "dependentTasks": ["use"]})
    value = {"taskOutputParameter": {"producerTask": "use", "outputParameterKey": "Output"}}
    change(data, f"{TASKS}/last/inputs", {"parameters": {"word": value}})
    component = {
        "executorLabel": "exec-last",
        "inputDefinitions": {"parameters": {"word": {"parameterType": "STRING"}}},
    }
    change(data, "spec/components/comp-last", {**component, "outputDefinitions": {"parameters": {"Output": {}}}})
    change(data, "spec/deploymentSpec/executors/exec-last", data["spec"]["deploymentSpec"]["executors"]["exec-use"])
    change(data, "spec/deploymentSpec/executors/exec-last/container/args", [])
    assert rules(data)["last"] == ("unknown-producer", True)


def edit(path: str, content: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda data: change(data, path, content)


FINAL = {"parameters": {"number": {"taskFinalStatus": {"producerTask": "use"}}}}
JOB = {"parameters": {"number": {"runtimeValue": {"constant": "{{$.pipeline_job_uuid}}"}}}}
WORDS = {
    "words": ("randomness", edit(f"{EXECUTOR}/container/command", ["python", "-c", "import random"])),
    "clock": ("clock", edit(f"{EXECUTOR}/container/command", ["sh", "-c", "date > out"])),
    "network": ("network", edit(f"{EXECUTOR}/container/args", ["https://example.com/data"])),
}
FORBIDDEN = {
    "no inputs": ("no-inputs", edit("spec/components/comp-make/inputDefinitions", {})),
    "a secret as volume": ("secret", edit(f"{CONFIG}/secretAsVolume", [{"secretName": "s", "mountPath": "/s"}])),
    "a secret as variable": ("secret", edit(f"{CONFIG}/secretAsEnv", [{"secretName": "s"}])),
    "a config map": ("configured", edit(f"{CONFIG}/configMapAsEnv", [{"configMapName": "c"}])),
    "a config map as volume": ("configured", edit(f"{CONFIG}/configMapAsVolume", [{"configMapName": "c"}])),
    "a field of the pod": ("run-context", edit(f"{CONFIG}/fieldPathAsEnv", [{"name": "n", "fieldPath": "p"}])),
    "a claim": ("volume", edit(f"{CONFIG}/pvcMount", [{"constant": "c", "mountPath": "/d"}])),
    "a claim is created": ("kind", edit(f"{EXECUTOR}/container/image", "argostub/createpvc")),
    "its task config": (
        "task-config",
        edit(
            "spec/components/comp-make/inputDefinitions/parameters/config",
            {"parameterType": "TASK_CONFIG", "isOptional": True},
        ),
    ),
    "the job": ("run-context", edit(f"{MAKE}/inputs", JOB)),
    "the job in its body": ("run-context", edit(f"{EXECUTOR}/container/args", ["{{$.pipeline_job_name}}"])),
    "never": ("never", lambda data: pure(data, "exec-make", said="never")),
    "always": ("always", lambda data: pure(data, "exec-make", said="always")),
    "no time": ("unknown-declaration", lambda data: pure(data, "exec-make", said="ttl=1w")),
}


def forbidden(name: str, said: str) -> dict[str, Any]:
    data = pure(pipeline(), "exec-make", "exec-use", said=said) if said else pipeline()
    FORBIDDEN[name][1](data)
    return data


@pytest.mark.parametrize("name", sorted({*FORBIDDEN} - {*OWNERS_WORD}))
@pytest.mark.parametrize("said", ["", "pure"])
def test_a_rule_is_a_warning_with_a_remedy_and_the_task_stays_as_it_is(name: str, said: str) -> None:
    data = forbidden(name, said)
    rule, make = FORBIDDEN[name][0], decisions(data)["make"]
    assert rules(data)["make"] == (rule, True)
    assert rules(data)["use"] == ("" if said else "not-declared", True)
    spec = document(data)
    assert spec["root"]["dag"]["tasks"]["make"] == data["spec"]["root"]["dag"]["tasks"]["make"]
    assert (make.verdict, make.action) == ("cached", "")
    (warning,) = (item for item in make.warnings if item.rule == rule)
    assert warning.place is not None
    assert warning.remedy


@pytest.mark.parametrize("name", OWNERS_WORD)
@pytest.mark.parametrize("options", ["cache", "cache{assume-pure=true}", STRICT])
@pytest.mark.parametrize("options_of_task", [ON, {**ON, "cacheKey": "mine"}])
def test_an_owners_word_switches_off_whatever_the_user_says(
    name: str, options: str, options_of_task: dict[str, Any]
) -> None:
    data = change(forbidden(name, "pure"), f"{MAKE}/cachingOptions", options_of_task)
    assert rules(data, options)["make"] == (name, False)
    assert document(data, options)["root"]["dag"]["tasks"]["make"]["cachingOptions"] == {}
    # Without `strict`, what reads its artifact stays on, in vain.
    assert rules(data, options)["use"] == (("never-hits", False) if options == STRICT else ("", True))


@pytest.mark.parametrize("name", FORBIDDEN)
@pytest.mark.parametrize("said", ["", "pure"])
def test_a_rule_switches_off_under_strict_whoever_declares_it_pure(name: str, said: str) -> None:
    data = forbidden(name, said)
    found = rules(data, STRICT)
    assert found["make"] == (FORBIDDEN[name][0], False)
    assert found["use"] == ("never-hits", False)  # its artifact is another one in every run
    spec = document(data, STRICT)
    assert "couler-salt" not in str(spec["components"]["comp-make"])
    assert spec["root"]["dag"]["tasks"]["make"]["cachingOptions"] == {}


@pytest.mark.parametrize("name", WORDS)
def test_words_in_a_program_warn_and_switch_off_only_under_strict_what_is_not_declared_itself(name: str) -> None:
    rule, forbid = WORDS[name]
    data = forbid(pipeline())
    assert rules(data, STRICT)["make"] == rules(data, "cache{assume-pure=true,strict=true}")["make"] == (rule, False)
    assert rules(data)["make"] == rules(data, "cache{assume-pure=true}")["make"] == (rule, True)
    (warning,) = decisions(data)["make"].warnings
    assert warning.rule == rule
    assert repr(warning.seen) in warning.reason
    assert "marks.pure(task, allow=" in warning.remedy
    assert document(data) == data["spec"]
    pure(data, "exec-make")
    assert rules(data)["make"] == rules(data, STRICT)["make"] == ("", True)
    assert [item.rule for item in decisions(data)["make"].warnings] == [rule]


@pytest.mark.parametrize(("options", "on"), [("cache", True), (STRICT, False)])
def test_what_hands_nothing_out_runs_for_its_effect(options: str, on: bool) -> None:
    data = pure(pipeline(), "exec-make", "exec-use")
    change(data, "spec/components/comp-use/outputDefinitions", {})
    assert rules(data, options) == {"make": ("", True), "use": ("no-outputs", on)}


def test_an_exit_task_and_one_that_reads_how_another_went_are_off_under_strict() -> None:
    data = pure(pipeline(), "exec-make", "exec-use")
    change(data, f"{USE}/triggerPolicy", {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"})
    assert rules(data)["use"] == ("uncertain-producer", True)
    assert rules(data, STRICT)["use"] == ("uncertain-producer", False)
    status = pure(pipeline(), "exec-make", "exec-use")
    change(status, f"{TASKS}/last", {"cachingOptions": ON, "componentRef": {"name": "comp-make"}})
    change(status, f"{TASKS}/last/inputs", FINAL)
    change(status, f"{TASKS}/last/taskInfo", {"name": "last"})
    assert rules(status)["last"] == ("run-context", True)
    assert rules(status, STRICT)["last"] == ("run-context", False)


@pytest.mark.parametrize(
    ("importer", "rule"),
    [
        ({"artifactUri": {"constant": "gs://bucket/data.csv"}}, "unversioned-input"),
        ({"artifactUri": {"runtimeParameter": "number"}}, "unversioned-input"),
        ({"artifactUri": {"constant": "gs://bucket/data.csv"}, "reimport": True}, "never-hits"),
        ({"artifactUri": {"constant": "oci://registry/model@sha256:" + "0" * 64}}, ""),
    ],
)
def test_what_is_imported_may_change_at_its_place(importer: dict[str, Any], rule: str) -> None:
    data = pure(pipeline(), "exec-use")
    change(data, EXECUTOR, {"importer": importer})
    found = rules(data, STRICT)
    assert found["make"] == ("importer", True)  # its switch means nothing, and stays
    assert found["use"] == (rule, not rule)
    vain = rule == "never-hits"
    assert rules(data)["use"] == ("" if vain else rule, True)


def test_an_order_that_no_argument_tells_of_is_salted_or_warned_of() -> None:
    data = pipeline()
    change(data, USE + "/inputs", {"artifacts": {}})
    change(data, "spec/components/comp-use/inputDefinitions", {"parameters": {"word": {"parameterType": "STRING"}}})
    change(data, f"{USE}/inputs", {"parameters": {"word": {"runtimeValue": {"constant": "x"}}}})
    assert rules(data, STRICT)["use"] == ("order", False)
    assert rules(data)["use"] == ("order", True)
    (warning,) = decisions(data)["use"].warnings
    assert "a declaration for each step that runs before it" in warning.remedy
    before = salt_of_use(pure(data, "exec-make", "exec-use"))
    change(data, f"{MAKE}/inputs/parameters/number/runtimeValue/constant", 6)
    assert salt_of_use(data) != before


def salt_of_use(data: dict[str, Any]) -> str:
    tasks = document(data)["root"]["dag"]["tasks"]
    return str(tasks["use"]["inputs"]["parameters"]["couler-salt"]["runtimeValue"]["constant"])


def test_an_owners_cache_key_stays_and_is_loudly_remarked_on_where_inputs_vary() -> None:
    data = pure(pipeline(), "exec-make", "exec-use")
    for task in (MAKE, USE):
        change(data, f"{task}/cachingOptions", {"enableCache": True, "cacheKey": "mine"})
    assert document(data) == data["spec"]
    found = decisions(data)
    assert "WARNING" in found["use"].reason
    assert "data" in found["use"].reason
    assert found["make"].reason == "its owner gave it a cacheKey"


def test_an_owner_may_leave_a_task_to_the_engine() -> None:
    data = pure(pipeline(), "exec-make", said="native")
    change(data, f"{EXECUTOR}/container/command", ["python", "-c", "import random"])
    assert rules(data)["make"] == ("cached-by-owner", True)


def test_parts_that_say_where_and_how_strong_a_pod_is_forbid_nothing() -> None:
    data = pure(pipeline(), "exec-make", "exec-use")
    for key in ("nodeSelector", "tolerations", "emptyDirMounts", "securityContext", "imagePullSecret"):
        change(data, f"{CONFIG}/{key}", [{"x": "y"}])
    assert rules(data) == {"make": ("", True), "use": ("", True)}


def test_an_edit_that_ends_a_declaration_removes_the_salt_and_leaves_the_task_on() -> None:
    data = pure(pipeline(), "exec-make")
    salted = {"spec": document(data), "platform": {}}
    assert document(salted) == pipeline()["spec"]
    assert decisions(salted)["make"].action == "remove the salt"


@pytest.mark.parametrize("option", ["capacity=1GB", "via=wrapper,image=i,store=s3://b,security=inherit"])
def test_what_only_other_engines_can_do_is_refused(option: str) -> None:
    from couler_plugins.errors import CoulerError

    with pytest.raises(CoulerError, match="is not supported by kfp"):
        document(pipeline(), f"cache{{{option}}}")


def test_of_two_that_contradict_each_other_never_wins() -> None:
    data = pure(pipeline(), "exec-make", said="native")
    spec = {"pipelineSpec": data["spec"], "platformSpec": data["platform"]}
    head = {"apiVersion": "pipelines.kubeflow.org/v2beta1", "kind": "PipelineVersion"}
    for said, rule in (("never", "never"), ("pure", "cached-by-owner")):
        metadata = {"name": "small", "annotations": {"couler.io/cache": said}}
        whole: dict[str, Any] = {**head, "metadata": metadata, "spec": spec}
        (file,) = optimize(whole, "cache").files
        found = {item.subject: dict(item.figures).get("rule") for item in file.decisions if item.subject}
        assert found["root/make"] == rule
        assert found["root/use"] == ("never" if said == "never" else None)


def seconds(path: Path, **took: float) -> Config:
    """The settings with one past run."""
    tasks = [{"name": name, "id": name, "parents": [], "children": []} for name in took]
    ran = [{"id": name, "runtimeInSeconds": value} for name, value in took.items()]
    trace = {"name": "small", "schemaVersion": "1.5", "workflow": {"specification": {"tasks": tasks}}}
    trace["workflow"]["execution"] = {"tasks": ran}  # type: ignore[index]  # a mapping, as above
    path.write_text(json.dumps(trace), "utf-8")
    return Config(history=(str(path),))


def test_what_takes_next_to_nothing_is_not_switched_on_or_stays_off_unless_its_artifact_is_read(tmp_path: Path) -> None:
    config = seconds(tmp_path / "run.json", make=0.5, use=0.5)
    data = pure(pipeline(), "exec-make", "exec-use")
    (file,) = optimize(text(change(pure(pipeline(), "exec-use"), f"{USE}/cachingOptions", {})), config=config).files
    assert {item.subject: dict(item.figures).get("rule") for item in file.decisions}["root/use"] == "cheap"
    cases = [("cache", (None, None)), (STRICT, (None, "cheap")), ("cache{strict=true,min-seconds=0.1}", (None, None))]
    for options, expected in cases:
        (file,) = optimize(text(data), options, config=config).files
        found = {item.subject: dict(item.figures) for item in file.decisions}
        assert (found["root/make"].get("rule"), found["root/use"].get("rule")) == expected
        assert found["root/use"]["seconds saved by a hit"] == 0.5


@pytest.mark.parametrize("junk", [None, "text", 7, True, [], [None]])
@pytest.mark.parametrize("place", [f"{EXECUTOR}/container/env", EXECUTOR + "/importer", f"{CONFIG}/podMetadata", USE])
def test_junk_where_caching_looks_fails_nothing(place: str, junk: Any) -> None:
    data = pipeline()
    change(data, CONFIG, {})
    if place.endswith("importer"):
        change(data, EXECUTOR, {})
    change(data, f"{USE}/cachingOptions" if place == USE else place, junk)
    assert decisions(data).keys() >= {"make", "use"}


@pytest.mark.parametrize("junk", [None, "text", 7, [], {"annotations": 7}])
def test_a_pipeline_version_with_junk_for_metadata_declares_nothing(junk: Any) -> None:
    head = {"apiVersion": "pipelines.kubeflow.org/v2beta1", "kind": "PipelineVersion", "metadata": junk}
    whole: dict[str, Any] = {**head, "spec": {"pipelineSpec": pipeline()["spec"]}}
    (file,) = optimize(whole, "cache").files
    assert file.error is None
    assert not file.edits
