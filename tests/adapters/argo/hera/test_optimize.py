"""`optimize` as a function and as a decorator, `lift` and `lower`."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from hera.shared import global_config, register_pre_build_hook
from hera.workflows import CronWorkflow, Volume, Workflow, WorkflowTemplate

from adapters.argo.hera.doubles import Counting, Recorder, twins
from adapters.argo.hera.programs import PROGRAMS
from couler_argo import hera
from couler_argo.hera import install, lift, lower, optimize
from couler_plugins import api
from couler_plugins.documents import render
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.options.config import Config


def names(workflow: Any) -> list[str]:
    return [template.name for template in workflow.templates]


@pytest.mark.parametrize("cls", [Workflow, WorkflowTemplate, CronWorkflow])
def test_the_copy_is_of_the_same_class_and_has_the_same_service(cls: type[Workflow]) -> None:
    service = Recorder()
    workflow = twins(cls, workflows_service=service, namespace="test")
    workflow.extra = object()  # whatever a program keeps with its workflow
    new: Any = optimize(workflow, [Counting()])
    assert new is not workflow
    assert type(new) is cls
    assert new.workflows_service is service
    assert vars(new)["extra"] is workflow.extra
    assert names(workflow) == names(new) == ["one", "two", "main"]
    assert workflow.templates[0].image == "busybox"


def test_nothing_to_do_gives_the_workflow_itself() -> None:
    workflow = optimize(twins(), "dedupe")
    assert optimize(workflow, "dedupe") is workflow


def test_the_copy_can_be_changed_and_built_like_any_other() -> None:
    new = optimize(twins(), "dedupe")
    new.labels = {"a": "b"}
    assert new.to_dict()["metadata"]["labels"] == {"a": "b"}
    with install([Counting()]):
        assert "busybox+" in new.to_yaml()


def test_defaults_that_came_later_do_not_get_in() -> None:
    workflow = twins(CronWorkflow)
    global_config.namespace = "other"
    global_config.set_class_defaults(CronWorkflow, labels={"later": "yes"})
    assert optimize(workflow, "dedupe").to_dict()["metadata"] == {"name": "twins"}


def test_claims_that_hera_collects_while_it_builds_are_kept() -> None:
    workflow = twins()
    workflow.templates[0].volumes = workflow.templates[1].volumes = [Volume(name="v", size="1Gi", mount_path="/v")]
    expected = api.optimize(workflow.to_dict(), "dedupe").documents[0]
    workflow.volume_claim_templates = None
    assert optimize(workflow, "dedupe").to_dict() == expected
    assert workflow.volume_claim_templates is None
    assert [claim["metadata"]["name"] for claim in expected["spec"]["volumeClaimTemplates"]] == ["v"]


def test_optimizers_see_what_hooks_of_others_make() -> None:
    def hook(workflow: Any) -> Any:
        workflow.templates[1].command = ["false"]
        return workflow

    hook.__annotations__ = {"return": Workflow}
    register_pre_build_hook(hook)
    workflow = twins()
    assert optimize(workflow, "dedupe") is workflow
    assert workflow.templates[1].command == ["true"]


def test_decorated_functions_keep_their_signature_and_give_optimized_workflows() -> None:
    @optimize
    def bare(name: str, *, cls: type[Workflow] = Workflow) -> Workflow:
        """Makes twins."""
        made: Workflow = twins(cls, name=name)
        return made

    @optimize(pipeline="dedupe")
    def with_arguments() -> Workflow:
        made: Workflow = twins()
        return made

    @optimize(pipeline="", to="argo{version=4.1}")
    def with_nothing_to_do() -> Workflow:
        made: Workflow = twins()
        return made

    assert names(bare("a")) == ["one", "main"]
    assert bare("a", cls=WorkflowTemplate).name == "a"
    assert bare.__doc__ == "Makes twins."
    assert list(inspect.signature(bare).parameters) == ["name", "cls"]
    assert names(with_arguments()) == ["one", "main"]
    assert names(with_nothing_to_do()) == ["one", "two", "main"]


def test_what_is_no_workflow_is_refused() -> None:
    with pytest.raises(InvalidInput, match="a str is no Hera workflow") as caught:
        optimize("dedupe")  # type: ignore[call-overload]  # a mistake that is easily made
    assert "@optimize(pipeline=…)" in (caught.value.hint or "")
    with pytest.raises(InvalidInput, match="this is a NoneType"):
        optimize(lambda: None, "dedupe")()  # type: ignore[type-var]  # likewise
    with pytest.raises(InvalidInput, match="this is a dict"):
        lift(twins().to_dict())
    with pytest.raises(InvalidInput, match="no optimizer 'nothing'") as caught:
        optimize(twins(), "nothing")
    assert caught.value.file is None  # that is no mistake of the workflow


def test_errors_name_the_workflow_and_no_line_of_a_text_that_nobody_saw() -> None:
    workflow = twins()
    workflow.entrypoint = "nowhere"
    with pytest.raises(InvalidInput) as caught:
        optimize(workflow, "dedupe")
    assert (caught.value.file, caught.value.line) == ("Workflow twins", None)


def test_settings_can_be_given() -> None:
    assert names(optimize(twins(), config=Config(pipeline=""))) == ["one", "two", "main"]
    assert names(optimize(twins(), config=Config(pipeline="dedupe"))) == ["one", "main"]


def test_lowering_gives_hera_workflows_of_the_right_class_and_others_as_they_are() -> None:
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    odd = api.Text("a: 1\n---\n[2]\n")
    documents = [settings, *(PROGRAMS[name]().to_dict() for name in ("cron", "cluster_workflow_template"))]
    lowered = lower(api.lift([odd, *documents]))
    assert [*lowered[:3]] == [{"a": 1}, [2], settings]
    assert [type(item).__name__ for item in lowered[3:]] == ["CronWorkflow", "ClusterWorkflowTemplate"]
    assert [item.to_dict() for item in lowered[3:] if isinstance(item, Workflow)] == documents[1:]
    mixed_up = Workflow.from_dict(documents[1])
    assert isinstance(mixed_up, Workflow)
    assert not mixed_up.templates  # Hera itself does not tell kinds apart


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("podResources", {"requests": {}}, "spec.podResources"),
        ("templates", [{"name": "main", "plugin": {"hello": {}}}], "spec.templates[0].plugin.hello"),
        ("synchronization", {"mutex": {"name": "m"}}, "spec.synchronization.mutex"),
    ],
)
def test_lowering_refuses_what_hera_has_no_field_for(field: str, value: Any, path: str) -> None:
    document = twins().to_dict()
    document["spec"][field] = value
    with pytest.raises(Unsupported, match="Workflow twins: Hera would lose or change") as caught:
        lower(api.lift(document))
    assert render(caught.value.path) == path


def test_lowering_refuses_what_hera_cannot_read() -> None:
    document = twins(CronWorkflow).to_dict()
    document["spec"] = {"schedule": "@daily", "workflowSpec": document["spec"]["workflowSpec"]}
    with pytest.raises(Unsupported, match="CronWorkflow twins: Hera cannot read it"):
        lower(api.lift(document))


def test_lifting_does_not_optimize() -> None:
    with install("dedupe"):
        assert len(lift(twins()).workflows[0].operations) == 2


def test_the_package_offers_what_hera_users_want() -> None:
    import couler_argo

    assert couler_argo.optimize is hera.optimize
    assert couler_argo.install is hera.install
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        getattr(couler_argo, "nothing")  # noqa: B009  # as `couler_argo.nothing` does at run time
