"""Hera's `create` through our service: one call, and all documents of a split workflow are there before its parent."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.argo.evict.apiserver import ApiServer
from adapters.argo.running.argoserver import ArgoServer
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.running import Where

pytest.importorskip("hera")
pytestmark = pytest.mark.filterwarnings("ignore:The `json` method is deprecated")  # Hera writes its requests so
PIPELINE = "split{max-bytes=10kB}"


@pytest.fixture
def argo() -> Iterator[ArgoServer]:
    with ArgoServer() as started:
        yield started


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COULER_LOAD_PLUGINS", "argo,parallelism,optimizers")


def big(service: Any, steps: int = 40, name: str = "big", image: str = "busybox") -> Any:
    """A chain of steps, each with a template of its own."""
    from hera.workflows import DAG, Container, Task, Workflow

    with Workflow(name=name, namespace="ml", entrypoint="main", workflows_service=service) as workflow:
        templates = [
            Container(name=f"t{number}", image=image, command=["echo", "x" * 400, str(number)])
            for number in range(steps)
        ]
        with DAG(name="main"):
            before = None
            for number, template in enumerate(templates):
                task = Task(name=f"s{number}", template=template)
                if before is not None:
                    before >> task
                before = task
    return workflow


def service(argo: ArgoServer, **options: Any) -> Any:
    from couler_argo.hera import service as made

    return made(options.pop("pipeline", PIPELINE), host=argo.url, namespace="ml", **options)


def test_one_create_makes_all_of_a_split_workflow(argo: ArgoServer, caplog: pytest.LogCaptureFixture) -> None:
    workflow = big(service(argo))
    with caplog.at_level(logging.WARNING, logger="couler_argo"):
        created = workflow.create()
    assert created.metadata.name == "big"
    *templates, parent = argo.calls
    assert parent == "POST /api/v1/workflows/ml"
    assert len(templates) > 1
    assert set(templates) == {"POST /api/v1/workflow-templates/ml"}
    names = {name for kind, _, name in argo.objects if kind == "workflow-templates"}
    (submitted,) = [thing for (kind, _, _), thing in argo.objects.items() if kind == "workflows"]
    manifests = [item["resource"]["manifest"] for item in submitted["spec"]["templates"] if "resource" in item]
    assert {
        line.split(": ")[1] for text in manifests for line in text.splitlines() if "    name: big-" in line
    } == names
    assert "Argo's server cannot create Role" in caplog.text


def test_templates_that_are_there_are_left_or_replaced(argo: ArgoServer) -> None:
    big(service(argo)).create()
    before = {key: thing["metadata"]["resourceVersion"] for key, thing in argo.objects.items()}
    del argo.objects["workflows", "ml", "big"]
    big(service(argo)).create()
    after = {key: thing["metadata"]["resourceVersion"] for key, thing in argo.objects.items()}
    templates = {key for key in after if key[0] == "workflow-templates"}
    assert {key: after[key] for key in templates} == {key: before[key] for key in templates}
    del argo.objects["workflows", "ml", "big"]
    big(service(argo), image="busybox:2").create()
    changed = {key for key in templates if argo.objects[key]["metadata"]["resourceVersion"] != before[key]}
    assert changed == templates
    assert sum(call.startswith("PUT") for call in argo.calls) == len(templates)


def test_permissions_go_by_the_kubernetes_api_where_there_is_one(
    argo: ArgoServer, server: ApiServer, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COULER_LOAD_PLUGINS", "argo,parallelism,optimizers")
    big(service(argo, where=Where())).create()
    assert {kind for kind, _, _ in server.objects} >= {"roles", "rolebindings"}
    assert all(namespace == "ml" for _, namespace, _ in server.objects)


def test_a_dry_run_creates_nothing(argo: ArgoServer) -> None:
    from hera.workflows.models import WorkflowCreateRequest

    workflow = big(service(argo))
    request = WorkflowCreateRequest(workflow=workflow.build(), server_dry_run=True)
    workflow.workflows_service.create_workflow(request)
    assert argo.objects == {}
    assert argo.calls[-1] == "POST /api/v1/workflows/ml"
    assert set(argo.calls[:-1]) == {"POST /api/v1/workflow-templates/ml/lint"}


def test_a_small_workflow_is_one_submission(argo: ArgoServer) -> None:
    big(service(argo), steps=3).create()
    assert argo.calls == ["POST /api/v1/workflows/ml"]


def test_what_hera_cannot_hold_is_refused_before_anything_is_created(
    argo: ArgoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from couler_argo.hera import services as hera_service

    split = hera_service._split

    def with_a_field_of_tomorrow(*arguments: Any) -> Any:
        workflow, others = split(*arguments)
        return {**workflow, "spec": {**workflow["spec"], "tomorrow": 1}}, others

    monkeypatch.setattr(hera_service, "_split", with_a_field_of_tomorrow)
    with pytest.raises(Unsupported, match=r"Hera would lose or change spec\.tomorrow"):
        big(service(argo)).create()
    assert argo.calls == []
