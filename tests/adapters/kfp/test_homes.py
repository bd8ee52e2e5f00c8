"""Settings of steps in KFP's documents: where each goes, what is read back, and what has no place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from adapters.kfp.test_documents import PIPELINE, plan_of
from adapters.kfp.test_protos import protos
from adapters.subjects import KFP, lift_source, lower_and_write
from couler_kfp.homes import HOMES
from couler_plugins.api import optimize
from couler_plugins.documents import SourceFile, read
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs import Context
from couler_plugins.ir import Literal, Retry, SettableStep, replace, with_settings
from couler_plugins.ir.settings import SETTINGS
from couler_plugins.plan import Plan
from support import ROOT

pytest.importorskip("google.protobuf", reason="needs kfp")
BARE = PIPELINE.split("---", maxsplit=1)[0]
VALUES: dict[str, tuple[Any, Any]] = {
    "retry": (3, {"retryPolicy": {"maxRetryCount": 3, "backoffMaxDuration": "31536000s"}}),
    "timeout": (90, {"activeDeadlineSeconds": "90"}),
    "requests": (
        {"memory": "1Gi", "cpu": "1"},
        {"resources": {"resourceCpuRequest": "1", "resourceMemoryRequest": "1Gi"}},
    ),
    "limits": ({"cpu": "2"}, {"resources": {"resourceCpuLimit": "2"}}),
    "env": ({"Z": "1", "A": "2"}, {"env": [{"name": "Z", "value": "1"}, {"name": "A", "value": "2"}]}),
    "labels": ({"team": "data"}, {"podMetadata": {"labels": {"team": "data"}}}),
    "annotations": ({"why": "to see"}, {"podMetadata": {"annotations": {"why": "to see"}}}),
    "node_selector": ({"pool": "big"}, {"nodeSelector": {"labels": {"pool": "big"}}}),
}
"""What is set, and what the task, the container or the platform configuration then has."""


def set_at(plan: Plan, names: str = "", **settings: Any) -> Plan:
    """The plan with settings of the steps of these names (or all)."""

    def change(step: SettableStep) -> SettableStep:
        return with_settings(step, **settings) if step.name in (names.split() or [step.name]) else step

    return plan.map_steps("me", change, action="set", reason="to see")


def seen(plan: Plan) -> dict[str, SettableStep]:
    """The steps of a plan, as optimizers see them."""
    steps: dict[str, SettableStep] = {}
    plan.map_steps("me", lambda step: steps.setdefault(step.name, step), action="", reason="")
    return steps


def written(plan: Plan) -> tuple[list[Any], Plan]:
    """The documents of a plan, which KFP's protos take, and what is lifted from its text."""
    lowered, texts = lower_and_write(KFP, plan)
    assert not lowered.refused
    assert all(traced.decision is not None for traced in lowered.edits)
    again = lift_source(KFP, read(texts.texts.get(0, plan.bundle.files[0].text), "pipeline.yaml"))
    assert [item.data for item in again.bundle.documents] == lowered.documents
    assert list(protos(lowered.documents))
    return lowered.documents, again


def refusal(file: SourceFile, **settings: Any) -> Unsupported:
    lowered, _ = lower_and_write(KFP, set_at(lift_source(KFP, file), **settings))
    (error,) = lowered.refused.values()
    assert isinstance(error, Unsupported)
    assert error.hint
    return error


@pytest.mark.parametrize("setting", VALUES)
@pytest.mark.parametrize("text", [BARE, PIPELINE], ids=["without a platform document", "with one"])
def test_a_setting_goes_to_its_home_and_is_read_back(setting: str, text: str) -> None:
    value, expected = VALUES[setting]
    documents, again = written(set_at(plan_of(text), "make", **{setting: value}))
    task = documents[0]["root"]["dag"]["tasks"]["make"]
    container = documents[0]["deploymentSpec"]["executors"]["exec-make"]["container"]
    configured = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"] if len(documents) > 1 else {}
    holders = {**task, **container, **configured.get("exec-make", {})}
    assert {key: holders.get(key) for key in expected} == expected
    before, after = seen(plan_of(text)), seen(again)
    wanted = getattr(with_settings(before["make"], **{setting: value}), setting)
    assert getattr(after["make"], setting) == (tuple(sorted(wanted)) if setting == "requests" else wanted)
    assert getattr(after["use"], setting) == getattr(before["use"], setting)
    twice = set_at(again, "make", **{setting: value})
    assert (twice.workflows, twice.decisions) == (again.workflows, ())


def test_every_setting_has_a_home_and_all_but_three_a_place() -> None:
    assert list(HOMES) == list(SETTINGS)
    assert [name for name, home in HOMES.items() if home.at == "none"] == ["priority", "scheduler", "weight"]
    values: dict[str, Any] = {"priority": "high", "scheduler": "high", "weight": 2}
    for name, value in values.items():
        plan = set_at(plan_of(BARE), **{name: value})
        assert [item.reason for item in plan.decisions] == [f"{name} cannot be set: {HOMES[name].note}"]


def test_the_text_stays_and_the_platform_document_is_appended() -> None:
    lowered, texts = lower_and_write(KFP, set_at(plan_of(BARE), "make", labels={"team": "data"}))
    assert texts.texts[0].startswith(f"{BARE.rstrip()}\n---\nplatforms:\n")
    ((file, _),) = lowered.appended
    (traced,) = lowered.edits
    assert (file, traced.document, traced.subject, traced.decision) == (0, 1, "comp-make", 0)


def test_tasks_that_share_a_component_get_private_ones_where_they_differ() -> None:
    text = BARE.replace("{name: comp-use}", "{name: comp-make}")
    documents, again = written(set_at(plan_of(text), "use", requests={"cpu": "1"}, timeout=60))
    tasks = documents[0]["root"]["dag"]["tasks"]
    assert tasks["make"]["componentRef"] == {"name": "comp-make"}
    assert tasks["use"]["componentRef"] == {"name": "comp-make-timeout"}
    executors = documents[0]["deploymentSpec"]["executors"]
    assert "resources" not in executors["exec-make"]["container"]
    assert executors["exec-make-timeout"]["container"]["resources"] == {"resourceCpuRequest": "1"}
    assert [seen(again)[name].timeout for name in ("make", "use")] == [None, Literal(value=60)]


def test_components_that_share_an_executor_get_their_own_where_they_differ() -> None:
    text = BARE.replace("executorLabel: exec-use   # reads a claim", "executorLabel: exec-make")
    documents, again = written(set_at(plan_of(text), "use", env={"A": "1"}))
    labels = [documents[0]["components"][name]["executorLabel"] for name in ("comp-make", "comp-use")]
    assert labels[0] == "exec-make"
    assert labels[1] != "exec-make"
    assert [len(seen(again)[name].env) for name in ("make", "use")] == [0, 1]


def test_a_manifest_gets_its_platform_configuration_inside() -> None:
    file = read((ROOT / "tests/fixtures/kfp/manifest.yaml").read_bytes(), "manifest.yaml")
    documents, again = written(set_at(lift_source(KFP, file), labels={"team": "data"}))
    platforms = [item["spec"]["platformSpec"] for item in documents if item["kind"] == "PipelineVersion"]
    assert all(item["platforms"]["kubernetes"]["deploymentSpec"]["executors"] for item in platforms)
    assert len(documents) == len(again.bundle.documents) == len(file.documents)
    assert {step.labels for step in seen(again).values()} == {(("team", Literal(value="data")),)}


def test_numbers_of_older_versions_are_read() -> None:
    resources = 'resources: {cpuRequest: 0.5, memoryRequest: 2, memoryLimit: 4, resourceMemoryLimit: "8G"}'
    plan = plan_of(BARE.replace('{image: "busybox:1"}', f'{{image: "busybox:1", {resources}}}'))
    step = seen(plan)["make"]
    assert step.requests == (("cpu", Literal(value="0.5")), ("memory", Literal(value="2G")))
    assert step.limits == (("memory", Literal(value="8G")),)


@pytest.mark.parametrize(
    ("old", "new", "settings", "reason"),
    [
        ('container: {image: "busybox:1"}', "importer: {artifactUri: {constant: u}}", {"retry": 2}, "containers only"),
        ("busybox:1", "argostub/createpvc", {"timeout": 9}, "KFP's driver does it"),
        ("- mountPath", "- mountPath", {"priority": "high"}, "no priority class"),
    ],
)
def test_what_starts_no_pod_is_left_alone_and_says_why(old: str, new: str, settings: Any, reason: str) -> None:
    assert old in PIPELINE
    plan = plan_of(PIPELINE.replace(old, new))
    after = set_at(plan, "make", **settings)
    assert after.workflows == plan.workflows
    assert [reason in decision.reason and not decision.action for decision in after.decisions] == [True]


def test_nodes_that_an_input_chooses_stay_so() -> None:
    chosen = "          nodeSelector: {nodeSelectorJson: {runtimeValue: {constant: '{}'}}}\n          pvcMount:"
    after = set_at(plan_of(PIPELINE.replace("          pvcMount:", chosen)), "use", node_selector={"pool": "big"})
    assert "chooses the nodes" in after.decisions[0].reason


def test_json_has_no_place_for_a_second_document() -> None:
    data = plan_of(BARE).bundle.documents[0].data
    error = refusal(read(json.dumps(data), "pipeline.json"), labels={"team": "data"})
    assert (error.file, error.feature) == ("pipeline.json", "Operation.native_extra")
    assert "is JSON" in error.message
    lowered, _ = lower_and_write(KFP, set_at(lift_source(KFP, read(json.dumps(data), "pipeline.json")), retry=2))
    assert not lowered.refused


def test_only_the_last_pipeline_of_a_file_can_get_a_platform_document() -> None:
    second = BARE.replace("name: claims", "name: others")
    file = read(f"{BARE}---\n{second}", "pipelines.yaml")
    assert "another pipeline behind" in refusal(file, labels={"team": "data"}).message
    plan = lift_source(KFP, file)
    one = Plan(bundle=plan.bundle, originals=plan.originals, workflows=plan.workflows[1:], homes=plan.homes)
    lowered, texts = lower_and_write(KFP, set_at(one, labels={"team": "data"}))
    assert not lowered.refused
    again = lift_source(KFP, read(texts.texts[0], "pipelines.yaml"))
    assert [bool(step.labels) for item in again.workflows for step in seen_in(again, item.name)] == [False] * 2 + [
        True
    ] * 2


def seen_in(plan: Plan, name: str) -> list[SettableStep]:
    workflows = tuple(item for item in plan.workflows if item.name == name)
    return list(seen(Plan(bundle=plan.bundle, originals=(), workflows=workflows, homes=plan.homes)).values())


def test_a_time_is_a_number_of_seconds() -> None:
    with pytest.raises(Unsupported, match="is no number"):
        set_at(plan_of(BARE), timeout="1h")
    documents, _ = written(set_at(plan_of(BARE), "make", timeout=1.5))
    (configured,) = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values()
    assert configured == {"activeDeadlineSeconds": "2"}


def test_an_operation_passes_its_attempts_and_time_on() -> None:
    def change(operation: Any) -> Any:
        return replace(operation, retry=Retry(limit=Literal(value=2)), timeout=Literal(value=60))

    plan = plan_of(BARE).map_operations("me", change, action="set", reason="to see")
    documents, _ = written(plan)
    assert [task["retryPolicy"] for task in documents[0]["root"]["dag"]["tasks"].values()] == [
        {"maxRetryCount": 2, "backoffMaxDuration": "31536000s"}
    ] * 2
    assert len(documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]) == 2


@dataclass(frozen=True)
class Labelled:
    """Label the pods of all steps."""

    name: ClassVar[str] = "me"

    def run(self, plan: Plan, ctx: Context) -> Plan:
        return set_at(plan, labels={"team": "data"})


def test_the_file_of_a_folder_keeps_its_documents_in_order(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(BARE)
    result = optimize(tmp_path, [Labelled()], engine="kfp")
    assert [len(file.documents) for file in result.files] == [2, 2]
    for file in result.files:
        assert file.text is not None
        assert [item.data for item in read(file.text, file.name).documents] == list(file.documents)
        assert [(edit.document, file.decisions[edit.decision or 0].subject) for edit in file.edits] == [
            (1, "root/make"),
            (1, "root/use"),
        ]
