"""Pods that tasks start: what their keys cover, what forbids one, and that a hit starts none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.airflow.runtime.test_explained import explained
from airflow_runs import Runs
from couler_airflow.cache.cache import UNWRAPPED
from couler_airflow.cache.eligible import is_pod
from couler_airflow.cache.pod_checks import LEFT_OUT
from couler_airflow.runtime.xcoms import OF_PODS
from couler_plugins.api import optimize
from support import first_of

pytest.importorskip("airflow.providers.cncf.kubernetes.operators.pod")
pytestmark = [pytest.mark.airflow, pytest.mark.sampled]

FILE = """
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from couler_airflow.marks import cached
from kubernetes.client import models as k8s

class Own(KubernetesPodOperator):
    pass

def source(**kind):
    return k8s.V1EnvVar(name="A", value_from=k8s.V1EnvVarSource(**kind))

def volume(**kind):
    return k8s.V1Volume(name="v", **kind)

with DAG("pods", schedule=None) as dag:
    pod = CLASS(
        **dict(task_id="pod", image="registry.example/train:1", cmds=["train"], arguments=["{{ ds }}"])
        | dict(do_xcom_push=True)
        | dict(FIELDS)
    )
    MARK cached(allow=("connections", ALLOW))(pod)
"""
VALUE = {"loss": 0.25}


def text(fields: str = "", allow: str = "", cls: str = "KubernetesPodOperator", mark: str = "") -> str:
    file = FILE.replace("FIELDS", fields).replace("ALLOW", allow).replace("CLASS", cls)
    return file.replace("MARK ", mark)


def computed(runs: Runs, fields: str = "", **said: Any) -> tuple[Any, bool, dict[str, Any]]:
    """Return the result of the task, whether a pod was started for it, and what the cache says."""
    before = runs.calls
    said = {"allow": ("connections",), "itself": True, **said}
    value, told = runs.run(text(fields), compute=lambda: dict(VALUE), **said)
    return value, runs.calls > before, told


def test_a_hit_starts_no_pod(runs: Runs) -> None:
    assert computed(runs)[:2] == (VALUE, True)
    value, started, told = computed(runs)
    assert (value, started, told["hit"]) == (VALUE, False, True)


@pytest.mark.parametrize(
    "fields",
    [
        "image='registry.example/train:2'",
        "cmds=['train', '-v']",
        "arguments=['2026-01-02']",
        "env_vars={'A': '1'}",
        "namespace='other'",
        "service_account_name='other'",
        "init_containers=[k8s.V1Container(name='a', image='b')]",
        "volumes=[volume(empty_dir=k8s.V1EmptyDirVolumeSource())]",
    ],
)
def test_what_a_container_runs_is_in_the_key(runs: Runs, fields: str) -> None:
    computed(runs)
    assert computed(runs, fields)[1]
    assert not computed(runs, fields)[1]


@pytest.mark.parametrize(
    "fields",
    [
        "container_resources=k8s.V1ResourceRequirements(requests={'cpu': '2'})",
        "labels={'team': 'b'}, annotations={'a': 'b'}",
        "get_logs=False, startup_timeout_seconds=7, on_finish_action='keep_pod'",
        "node_selector={'a': 'b'}, tolerations=[k8s.V1Toleration(key='a')], retries=3",
    ],
)
def test_where_and_how_it_runs_is_not(runs: Runs, fields: str) -> None:
    computed(runs)
    assert not computed(runs, fields)[1]


def test_a_pod_that_is_waited_for_by_a_trigger_is_kept_when_it_comes_back(runs: Runs) -> None:
    pod: dict[str, list[Any]] = {"pod": ["pod-1"]}
    deferrable = text("deferrable=True")
    said: dict[str, Any] = {"allow": ("connections",), "itself": True}

    def defer() -> Any:
        raise KeyboardInterrupt

    def resumed(name: str) -> tuple[Any, dict[str, Any]]:
        event = [[], {"event": {"status": "success", "name": name}}]
        return runs.run(deferrable, compute=lambda: dict(VALUE), resumed=event, xcoms=pod, **said)

    with pytest.raises(KeyboardInterrupt):
        runs.run(deferrable, compute=defer, **said)
    assert resumed("pod-1")[1]["hit"] is False
    value, told = runs.run(deferrable, compute=defer, **said)
    assert (value, told["hit"]) == (VALUE, True)
    assert {name: runs.ti.pushed[name] for name in OF_PODS} == dict.fromkeys(OF_PODS, "pod-1")
    assert resumed("pod-2")[1]["hit"] is False, "its pod ran, and has to be cleaned up"


def test_fields_that_are_left_out_are_fields(runs: Runs) -> None:
    task = runs.files.dag(text()).task_dict["pod"]
    assert set(vars(task)) >= LEFT_OUT


FORBIDDEN = {
    "do_xcom_push=False": ("no-result", False),
    "pod_template_file='/pod.yaml'": ("pod", False),
    "full_pod_spec=k8s.V1Pod()": ("pod", False),
    "callbacks=[KubernetesPodOperator]": ("pod", False),
    "env_vars=[source(field_ref=k8s.V1ObjectFieldSelector(field_path='metadata.name'))]": ("run-context", False),
    "env_vars=[source(secret_key_ref=k8s.V1SecretKeySelector(name='s', key='k'))]": ("secret", True),
    "env_vars=[source(config_map_key_ref=k8s.V1ConfigMapKeySelector(name='s', key='k'))]": ("configured", True),
    "env_from=[k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name='s'))]": ("secret", True),
    "env_vars=[{'name': 'A', 'valueFrom': {'secretKeyRef': {'name': 's', 'key': 'k'}}}]": ("secret", True),
    "env_vars=[{'name': 'A', 'value_from': {'field_ref': {'field_path': 'metadata.name'}}}]": ("run-context", False),
    "env_vars=[{'name': 'A', 'valueFrom': {'fileKeyRef': {'key': 'k'}}}]": ("configured", True),
    "env_from=[{'configMapRef': {'name': 's'}}]": ("configured", True),
    "init_containers=[{'name': 'a', 'envFrom': [{'secretRef': {'name': 's'}}]}]": ("secret", True),
    "configmaps=['settings']": ("configured", True),
    "init_containers=[k8s.V1Container(name='a', env_from=[k8s.V1EnvFromSource("
    "secret_ref=k8s.V1SecretEnvSource(name='s'))])]": ("secret", True),
    "volumes=[volume(secret=k8s.V1SecretVolumeSource(secret_name='s'))]": ("secret", True),
    "volumes=[volume(projected=k8s.V1ProjectedVolumeSource())]": ("run-context", False),
    "volumes=[volume(host_path=k8s.V1HostPathVolumeSource(path='/x'))]": ("volume", True),
    "arguments=['date'], cmds=['sh', '-c', 'curl x']": ("network", True),
}


@pytest.mark.parametrize("fields", first_of(FORBIDDEN, 8))
def test_what_no_key_covers_is_refused_and_waived_by_name(runs: Runs, fields: str) -> None:
    rule, waivable = FORBIDDEN[fields]
    (objection,) = explained(runs.files.dag(text(fields)))["pod"].objections
    assert (objection.rule, bool(objection.remedy)) == (rule, waivable)
    for _ in range(2):
        _, started, told = computed(runs, fields)
        assert started
        assert told["rules"] == [rule]
    if waivable:
        assert f"{rule!r}" in objection.remedy
        assert not explained(runs.files.dag(text(fields, f'"{rule}"')))["pod"].objections
        assert [computed(runs, fields, allow=("connections", rule))[1] for _ in range(2)] == [True, False]


def test_a_class_of_somebody_is_looked_at_as_any_other(runs: Runs) -> None:
    dag = runs.files.dag(text(cls="Own"))
    assert not is_pod(dag.task_dict["pod"])
    assert "run-context" in {item.rule for item in explained(dag)["pod"].objections}
    effect = runs.files.dag(text("do_xcom_push=False", cls="Own"))
    assert "no-result" in {item.rule for item in explained(effect)["pod"].objections}


def test_pods_see_what_all_before_them_have_done(runs: Runs) -> None:
    """A container reads from where it likes: its key has tokens of all tasks before it, whatever it is handed."""
    from couler_airflow.marks import Declaration
    from couler_airflow.runtime.upstream import by_order

    chain = text() + "\n    @task\n    def first(): return 1\n    @task\n    def second(x): return x\n"
    dag = runs.files.dag(chain + "    second(first()) >> pod")
    assert by_order(dag, dag.task_dict["pod"], Declaration()) == ["first", "second"]


def test_a_row_names_pods_by_their_image(runs: Runs, tmp_path: Path) -> None:
    file = tmp_path / "couler.toml"
    row = '[[cache.declare]]\nimage = "registry.example/train:*"\npure = true\nallow = ["connections", "secret"]\n'
    file.write_text(row)
    runs.set(declarations=str(file))
    for fields, declared in {
        "": "couler.toml:1",
        "image='registry.example/other:1'": "",
        "image='{{ ds }}registry.example/train:1'": "",
    }.items():
        request = explained(runs.files.dag(text(fields, mark="# ")))["pod"]
        assert request.declared == declared
        assert (request.verdict == "run-time") == bool(declared)
        assert request.note == ("its image has no digest, and may change" if declared else "")
    pinned = f"image='registry.example/train:1@sha256:{64 * '0'}'"
    assert not explained(runs.files.dag(text(pinned, mark="# ")))["pod"].note
    effect = explained(runs.files.dag(text("do_xcom_push=False", mark="# ")))["pod"]
    assert effect.verdict == "never"


def test_wrappers_are_not_needed_where_a_hit_starts_no_pod(runs: Runs, tmp_path: Path) -> None:
    """A wrapper would save what the command does; a hit in the worker saves the pod as well, under the same fields."""
    path = tmp_path / "pods.py"
    path.write_text(f"from airflow.sdk import DAG\n{text()}")
    (plain,) = optimize(str(path), "cache").files
    (file,) = optimize(str(path), "cache{via=wrapper,store=s3://bucket/cache,image=registry/couler:1}").files
    assert file.error is plain.error is None
    assert [item.reason for item in file.decisions if not item.subject][-1] == UNWRAPPED
    assert [item for item in file.decisions if item.subject] == [item for item in plain.decisions if item.subject]
    (task,) = [item for item in file.decisions if item.subject.endswith("pod")]
    assert task.verdict == "run-time"
    assert [started for _, started, _ in (computed(runs), computed(runs), computed(runs, "cmds=['other']"))] == [
        True,
        False,
        True,
    ]
