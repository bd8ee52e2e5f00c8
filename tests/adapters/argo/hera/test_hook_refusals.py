"""What the hook refuses when it is installed, and what it only warns of while something is built."""

from __future__ import annotations

import sys
from typing import Any

import hera
import pytest
from hera.workflows import Container, Workflow
from hera.workflows.models import Mutex, Synchronization

from adapters.argo.hera.doubles import Counting, Doing, Doubling, twins
from couler_argo.hera import Installation, install, optimize
from couler_plugins import api
from couler_plugins.errors import CoulerError, EngineError, InvalidInput, PluginFailure, Unsupported, install_hint


def fail() -> None:
    raise RuntimeError("out of paint")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pipeline": "dedupe,,"}, "pipeline"),
        ({"pipeline": "dedup"}, "no optimizer 'dedup'"),
        ({"pipeline": "dedupe{level=3}"}, "level"),
        ({"to": "argo{colour=red}"}, "colour"),
        ({"to": "argo,argo"}, "twice"),
        ({"classes": [Container]}, "no class of Hera workflows"),
        ({"classes": ["Workflow"]}, "no class of Hera workflows"),
    ],
)
def test_bad_settings_are_refused_at_once(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        install(**arguments)
    assert Installation.current is None


def test_a_failing_optimizer_does_not_fail_a_build(caplog: pytest.LogCaptureFixture) -> None:
    expected = twins().to_yaml()
    with install([Doing(fail)]):
        assert twins().to_yaml() == expected
    assert "Workflow twins" in caplog.text
    assert "out of paint" in caplog.text
    with pytest.raises(PluginFailure, match="out of paint"):
        optimize(twins(), [Doing(fail)])


def test_a_failure_of_our_own_does_not_fail_a_build(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = twins().to_yaml()
    monkeypatch.setattr(api, "optimize", lambda *_, **__: fail())
    with install("dedupe"):
        assert twins().to_yaml() == expected
    assert "Workflow twins: RuntimeError: out of paint" in caplog.text


def test_a_mistake_in_the_workflow_is_still_reported_by_hera() -> None:
    workflow = twins()
    workflow.templates.append("no template")
    with install("dedupe"), pytest.raises(Exception, match="is not a valid template type"):
        workflow.build()


def test_several_documents_are_no_hera_workflow(caplog: pytest.LogCaptureFixture) -> None:
    expected = twins().to_yaml()
    with install([Doubling()]):
        assert twins().to_yaml() == expected
    assert "makes 2 documents" in caplog.text
    assert "couler_plugins.optimize(workflow.to_dict()" in caplog.text
    with pytest.raises(Unsupported, match="makes 2 documents"):
        optimize(twins(), [Doubling()])
    assert len(api.optimize(twins().to_dict(), [Doubling()]).documents) == 2


def locked() -> Workflow:
    workflow = twins()
    workflow.synchronization = Synchronization(mutexes=[Mutex(name="one-at-a-time")])
    assert isinstance(workflow, Workflow)
    return workflow


def test_what_hera_would_drop_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    (written,) = api.optimize(locked().to_dict(), "", to="argo{version=3.5}").documents
    read = Workflow.from_dict(written)
    assert isinstance(read, Workflow)
    assert read.to_dict()["spec"]["synchronization"] == {}  # without a word, the lock would be gone
    with pytest.raises(Unsupported, match=r"lose or change spec\.synchronization") as caught:
        optimize(locked(), "", to="argo{version=3.5}")
    assert caught.value.path[:2] == ("spec", "synchronization")
    expected = locked().to_yaml()
    with install("", to="argo{version=3.5}"):
        assert locked().to_yaml() == expected
    assert "spec.synchronization" in caplog.text


class Lab(Workflow):
    """A subclass as teams write them."""

    def __init__(self, team: str) -> None:
        super().__init__(name=f"{team}-lab", kind="Workflow", entrypoint="only")
        self.team = team
        self.templates = [Container(name="only", image="busybox")]


def test_subclasses_are_optimized_where_they_are_named(caplog: pytest.LogCaptureFixture) -> None:
    with install([Counting()]):
        assert "image: busybox\n" in Lab("ml").to_yaml()
    assert "Lab" in caplog.text
    assert "install(classes=[" in caplog.text
    caplog.clear()
    with install([Counting()], classes=[Lab]):
        assert "image: busybox+\n" in Lab("ml").to_yaml()
    assert "Lab" not in caplog.text
    new = optimize(Lab("ml"), [Counting()])
    assert type(new) is Lab
    assert new.team == "ml"
    assert "image: busybox+\n" in new.to_yaml()


class Unnamed(Workflow):
    """Hera takes its kind from its name."""


def test_a_kind_that_argo_does_not_know_is_refused() -> None:
    with pytest.raises(InvalidInput, match="its kind is 'Unnamed'") as caught:
        optimize(twins(Unnamed), "dedupe")
    assert "kind='Workflow'" in (caught.value.hint or "")
    with pytest.raises(InvalidInput, match="its kind is 'CronWorkflow'"):
        optimize(twins(kind="CronWorkflow"), "dedupe")


def test_without_hera_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "hera"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "hera", None)
    for use in (install, lambda: optimize(object())):  # type: ignore[call-overload]  # what a caller may do
        with pytest.raises(EngineError, match="cannot be imported") as caught:
            use()
        assert caught.value.hint == install_hint("argo")


def test_an_untested_version_of_hera_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hera, "__version__", "8.0.1")
    with pytest.raises(Unsupported, match=r"Hera 8\.0\.1 is installed; this was tested with Hera 7") as caught:
        install("dedupe")
    assert isinstance(caught.value, CoulerError)
    assert caught.value.hint == install_hint("argo")
