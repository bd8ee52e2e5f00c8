"""The pre-build hook: when it runs, how often, and beside whom."""

from __future__ import annotations

import copy
import inspect
import threading
from pathlib import Path
from typing import Any

import pytest
from hera.shared import global_config, register_pre_build_hook
from hera.workflows import (
    ClusterWorkflowTemplate,
    Container,
    CronWorkflow,
    Workflow,
    WorkflowTemplate,
)

from adapters.argo.hera.doubles import Counting, Doing, Recorder, twins
from couler_argo.hera import Installation, install, optimize

CLASSES = [Workflow, WorkflowTemplate, ClusterWorkflowTemplate, CronWorkflow]

each_class = pytest.mark.parametrize("cls", CLASSES)


def images(document: dict[str, Any]) -> set[str]:
    spec = document["spec"].get("workflowSpec", document["spec"])
    return {template["container"]["image"] for template in spec["templates"] if "container" in template}


def register(cls: type[Any], hook: Any) -> None:
    """Registers somebody else's hook, as if it were annotated with the class."""
    hook.__annotations__ = {"return": cls}
    register_pre_build_hook(hook)


def leaf(cls: type[Any] = Workflow, **fields: Any) -> Any:
    with cls(**({"name": "leaf", "entrypoint": "only"} | fields)) as workflow:
        Container(name="only", image="busybox")
    return workflow


def test_hera_never_calls_a_hook_whose_annotation_is_a_text() -> None:
    def hook(workflow: Workflow) -> Workflow:  # annotations are texts in this module
        raise AssertionError

    register_pre_build_hook(hook)
    assert inspect.signature(hook).return_annotation == "Workflow"
    leaf().build()


@each_class
def test_each_class_is_optimized_exactly_once(cls: type[Workflow]) -> None:
    with install([Counting()]):
        assert images(leaf(cls).to_dict()) == {"busybox+"}
        workflow = leaf(cls)
        assert [images(workflow.to_dict()) for _ in range(3)] == [{"busybox+"}] * 3
        assert "image: busybox+\n" in workflow.to_yaml()
    assert images(workflow.to_dict()) == {"busybox"}


@each_class
def test_what_is_sent_is_optimized(cls: type[Workflow]) -> None:
    recorder = Recorder()
    fields = {} if cls is ClusterWorkflowTemplate else {"namespace": "test"}
    with install([Counting()]):
        leaf(cls, workflows_service=recorder, **fields).create()
    assert [images(sent) for sent in recorder.sent] == [{"busybox+"}]
    optimize(leaf(cls, workflows_service=recorder, **fields), [Counting()]).create()
    assert [images(sent) for sent in recorder.sent] == [{"busybox+"}] * 2


def test_files_and_lint_get_the_optimized_workflow(tmp_path: Path) -> None:
    recorder = Recorder()
    with install([Counting()]):
        assert "busybox+" in leaf().to_file(tmp_path).read_text()
        leaf(workflows_service=recorder, namespace="test").lint()
    assert images(recorder.sent[0]) == {"busybox+"}


def test_a_template_run_as_a_workflow_is_optimized() -> None:
    recorder = Recorder()
    with install("dedupe"):
        twins(WorkflowTemplate, workflows_service=recorder, namespace="test").create_as_workflow()
    (sent,) = recorder.sent
    assert sent["kind"] == "Workflow"
    assert [template["name"] for template in sent["spec"]["templates"]] == ["one", "main"]


def test_workflows_are_compared_as_they_are_built() -> None:
    single = optimize(twins(), "dedupe")
    assert twins() != single
    with install("dedupe"):
        assert twins() == single


def test_a_second_install_replaces_the_first() -> None:
    install("dedupe")
    first = install([Counting()])
    second = install([Counting()])
    assert images(twins().to_dict()) == {"busybox+"}
    assert len(twins().to_dict()["spec"]["templates"]) == 3
    first.uninstall()
    assert images(leaf().to_dict()) == {"busybox+"}
    second.uninstall()
    assert images(leaf().to_dict()) == {"busybox"}


def test_a_block_puts_back_what_was_installed() -> None:
    outer = install([Counting()])
    with install("dedupe"):
        assert len(twins().to_dict()["spec"]["templates"]) == 2
        assert images(leaf().to_dict()) == {"busybox"}
    assert images(leaf().to_dict()) == {"busybox+"}
    with install("dedupe") as inner:
        inner.uninstall()
        assert images(leaf().to_dict()) == {"busybox"}
    assert images(leaf().to_dict()) == {"busybox"}
    outer.uninstall()


def test_it_can_be_installed_again_after_hera_forgot_all_hooks() -> None:
    install([Counting()])
    global_config.reset()
    assert images(leaf().to_dict()) == {"busybox"}
    install([Counting()])
    assert images(leaf().to_dict()) == {"busybox+"}


@each_class
def test_hooks_of_others_run_once_before_and_after(cls: type[Workflow]) -> None:
    calls: list[str] = []

    def adding(name: str) -> Any:
        def hook(workflow: Any) -> Any:
            calls.append(name)
            workflow = copy.copy(workflow)
            workflow.annotations = {**(workflow.annotations or {}), f"by-{name}": str(calls.count(name))}
            return workflow

        return hook

    register(cls, adding("first"))
    install([Counting()])
    register(cls, adding("last"))
    document = leaf(cls).to_dict()
    assert calls == ["first", "last"]
    assert document["metadata"]["annotations"] == {"by-first": "1", "by-last": "1"}
    assert images(document) == {"busybox+"}


@pytest.mark.parametrize("pipeline", ["", "dedupe"])
@pytest.mark.parametrize("installed", [True, False])
def test_hooks_on_templates_leave_their_mark_once(pipeline: str, *, installed: bool) -> None:
    def hook(container: Container) -> Container:
        container.command = container.command or []
        assert isinstance(container.command, list)
        container.command.append("more")
        return container

    register(Container, hook)
    handle = install(pipeline)
    if not installed:
        handle.uninstall()
    document = twins().to_dict()
    commands = {tuple(item["container"]["command"]) for item in document["spec"]["templates"] if "container" in item}
    assert commands == {("true", "more")}


def test_another_workflow_that_a_hook_builds_is_optimized_too() -> None:
    built: list[Any] = []

    def hook(workflow: Workflow) -> Workflow:
        if workflow.name == "outer":
            built.append(leaf(name="inner").to_dict())
        return workflow

    register(Workflow, hook)
    install([Counting()])
    assert images(leaf(name="outer").to_dict()) == {"busybox+"}
    assert [images(document) for document in built] == [{"busybox+"}]


def test_what_an_optimizer_builds_is_left_alone() -> None:
    built: list[Any] = []
    install([Doing(lambda: built.append(leaf().to_dict())), Counting()])
    assert images(leaf().to_dict()) == {"busybox+"}
    assert [images(document) for document in built] == [{"busybox"}]


def test_threads_do_not_disturb_each_other() -> None:
    start = threading.Barrier(8)
    found: list[set[str]] = []

    def work(number: int) -> None:
        start.wait()
        found.extend(images(leaf(CLASSES[number % 4]).to_dict()) for _ in range(5))

    with install([Counting()]):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [{"busybox+"}] * 40


def test_building_leaves_no_trace_in_the_workflow() -> None:
    workflow = twins(labels={"a": "b"})
    before = {name: copy.deepcopy(value) for name, value in vars(workflow).items() if name != "workflows_service"}
    with install("dedupe"):
        workflow.build()
    assert {name: value for name, value in vars(workflow).items() if name != "workflows_service"} == before
    assert type(workflow) is Workflow


def test_the_settings_say_what_to_run_where_nobody_else_does(tmp_path: Path) -> None:
    (tmp_path / "couler.toml").write_text('pipeline = ""\n')
    with install():
        assert len(twins().to_dict()["spec"]["templates"]) == 3
    (tmp_path / "couler.toml").write_text('pipeline = "dedupe"\n')
    with install():
        assert len(twins().to_dict()["spec"]["templates"]) == 2
        assert len(optimize(twins()).templates) == 2
    assert Installation.current is None
