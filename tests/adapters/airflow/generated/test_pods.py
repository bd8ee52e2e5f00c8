"""What generated tasks run: in a shell, as their pods would, and as Airflow's operator builds the pod."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from copy import copy
from pathlib import Path
from typing import Any

import pytest

from adapters.airflow.generated.corpus import Written, corpus, loaded, lowered, written
from adapters.airflow.generated.dag_runs import TaskInstance
from adapters.subjects import ARGO, lift_source
from couler_airflow.generating.artifacts import FILES, VOLUME
from couler_airflow.generating.workflows import COLLECT
from couler_plugins.documents import read
from couler_plugins.engine_kit.legalize.shell import SCRIPT
from support import sampled

SHELLS = [["sh"], *([["busybox", "sh"]] if shutil.which("busybox") else [])]
every_shell = pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])


def in_pod(shell: list[str], words: list[str], place: Path, env: dict[str, str] | None = None) -> Any:
    """Runs a command with the folder of a pod's results at another place, and gives what is left there."""
    moved = [word.replace("/airflow/xcom", str(place)) for word in words]
    moved = [*shell, *moved[1:]] if moved[0] == "sh" else moved
    path = {"PATH": "/usr/local/bin:/usr/bin:/bin", **(env or {})}
    done = subprocess.run(moved, capture_output=True, check=False, timeout=20, env=path)
    result = place / "return.json"
    return done, json.loads(result.read_text("utf-8")) if result.exists() else None


TEXTS = (
    *("", "plain", "two\nlines", "ends\n", "ends\n\n", "\n", 'a "quoted" \\ one', "tab\t, bell\a, \x01\x1f"),
    *("ünïcode 日本 🎉", "%s $HOME `x` $(y)"),
)


@every_shell
@pytest.mark.parametrize("text", TEXTS)
def test_an_output_is_what_the_file_holds_but_for_one_newline(shell: list[str], text: str, tmp_path: Path) -> None:
    output = tmp_path / "it's an output"
    collect = ["sh", "-c", COLLECT, "sh", "parameters.a-b", str(output), "", "--"]
    done, found = in_pod(shell, [*collect, "sh", "-c", 'printf %s "$1" > "$2"', "sh", text, str(output)], tmp_path)
    assert done.returncode == 0, done.stderr
    assert found == {"parameters.a-b": text.removesuffix("\n")}


@every_shell
@pytest.mark.parametrize("text", [text for text in TEXTS if text])
def test_what_stands_in_for_a_missing_output(shell: list[str], text: str, tmp_path: Path) -> None:
    words = ["sh", "-c", COLLECT, "sh", "parameters.x", str(tmp_path / "none"), f"={text}", "--", "true"]
    _, found = in_pod(shell, words, tmp_path)
    assert found == {"parameters.x": text}


@every_shell
def test_what_is_printed_is_a_result_and_still_printed(shell: list[str], tmp_path: Path) -> None:
    words = ["sh", "-c", COLLECT, "sh", "result", "/airflow/xcom/result", "", "--", "printf", "a\nb\n"]
    done, found = in_pod(shell, words, tmp_path)
    assert (done.stdout, found) == (b"a\nb\n", {"result": "a\nb"})


@every_shell
@pytest.mark.parametrize("outputs", [["result", "/airflow/xcom/result", ""], ["parameters.x", "/nowhere", ""]])
def test_a_failure_stays_one_and_leaves_nothing(shell: list[str], outputs: list[str], tmp_path: Path) -> None:
    done, found = in_pod(shell, ["sh", "-c", COLLECT, "sh", *outputs, "--", "sh", "-c", "exit 7"], tmp_path)
    assert (done.returncode, found) == (7, None)


@every_shell
def test_a_missing_output_is_a_failure(shell: list[str], tmp_path: Path) -> None:
    done, _ = in_pod(shell, ["sh", "-c", COLLECT, "sh", "parameters.x", "/nowhere", "", "--", "true"], tmp_path)
    assert done.returncode == 1
    assert b"the output parameters.x is missing" in done.stderr


@every_shell
def test_artifacts_are_in_place_before_a_command_and_kept_after_it(shell: list[str], tmp_path: Path) -> None:
    folder, file, made, kept = (str(tmp_path / name) for name in ("folder", "a/b/file", "made", "kept/out"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/x").write_text("one")
    rows = ["in", folder, f"{tmp_path}/in/folder", "", "raw", "t$x t\n", file, "", "in", "/none", "/n", "optional"]
    rows += ["out", made, kept, "", "out", "/none", f"{kept}2", "optional"]
    command = f"cat in/folder/x {file} > {made}"
    words = ["sh", "-c", FILES, "sh", *rows, "--", "sh", "-c", f"cd {tmp_path} && {command}"]
    done, _ = in_pod(shell, words, tmp_path)
    assert done.returncode == 0, done.stderr
    assert Path(kept).read_text() == "onet$x t\n"
    again, _ = in_pod(shell, [*words[:-1], "exit 7"], tmp_path)
    missing, _ = in_pod(shell, ["sh", "-c", FILES, "sh", "in", "/none", "/n", "", "--", "true"], tmp_path)
    assert (again.returncode, missing.returncode) == (7, 1)


@every_shell
def test_a_script_is_run_from_a_file_behind_its_arguments(shell: list[str], tmp_path: Path) -> None:
    script = "echo \"$# $1\"; printf %s 'a\\b'\n"
    done, _ = in_pod(shell, ["sh", "-c", SCRIPT, "sh", script, "sh", "-e"], tmp_path)
    assert done.stdout == b"0 \na\\b"


CLUSTER = """
apiVersion: v1
kind: Config
clusters: [{name: none, cluster: {server: "http://127.0.0.1:9"}}]
contexts: [{name: none, context: {cluster: none, user: none}}]
current-context: none
users: [{name: none, user: {}}]
"""
"""What the operator wants to read before it builds a pod; it connects to nothing then."""


def pods(written: Written, cluster: Path) -> list[Any]:
    """The pods of a DAG, as the operator builds them."""
    cluster.write_text(CLUSTER)
    found = []
    dag = loaded(written.source)
    for operator in dag.task_dict.values():
        if operator.is_mapped or operator.operator_class.__name__ != "KubernetesPodOperator":
            continue
        task = copy(operator)  # rendering changes it
        results = dict.fromkeys(dag.task_dict, Anything())
        context = {"params": dict(dag.params), "ti": TaskInstance(results, task), "dag": dag, "run_id": "run"}
        task.render_template_fields(context)
        task.namespace, task.do_xcom_push, task.config_file = "default", False, str(cluster)
        found.append(task.build_pod_request_obj())
    return found


OURS = re.compile(rf"{VOLUME}|fetched-\d+")
"""The volumes that are added: of the store, and of what is fetched before a pod starts."""


class Anything:
    """A result that has every output."""

    def __getitem__(self, name: str) -> str:
        return "5"


@pytest.mark.airflow
@pytest.mark.parametrize(
    "written",
    sampled(pytest.param(item, id=item.name) for item in corpus() if item.source and "pod_template" in item.source),
)
def test_the_operator_builds_the_pod_that_the_manifest_describes(written: Written, tmp_path: Path) -> None:
    from kubernetes.client import ApiClient

    spec = written.document["spec"]
    spec = spec.get("workflowSpec", spec)
    checked = 0
    for pod in pods(written, tmp_path / "cluster.yaml"):
        built = ApiClient().sanitize_for_serialization(pod)["spec"]
        (container,) = built["containers"]
        leaves = [item for item in spec["templates"] if "container" in item or "script" in item]
        if not leaves:
            checked += 1
            continue  # they are objects of Kubernetes, and sets of containers
        same = (item for item in leaves if item.get("container", {}).get("args") == container.get("args"))
        template = next(same, leaves[0])
        for key in ("nodeSelector", "tolerations", "affinity", "imagePullSecrets", "securityContext", "dnsConfig"):
            wanted = template.get(key, spec.get(key))
            assert (built.get(key) or None) == wanted or "{{" in str(wanted), key
        volumes = [*(spec.get("volumes") or []), *(template.get("volumes") or [])]
        found = [item["name"] for item in built.get("volumes") or [] if not OURS.fullmatch(item["name"])]
        assert found == [item["name"] for item in volumes]
        own = template.get("container") or template["script"]
        for key in ("volumeMounts", "envFrom", "workingDir", "ports"):
            wanted = own.get(key)
            given = container.get(key) or []
            if key == "volumeMounts" and any(OURS.fullmatch(mount["name"]) for mount in given):
                assert len(given) >= len(wanted or ())
                continue
            assert (given or None) == wanted, key
        checked += 1
    assert checked or ".partial(" in written.source  # what is mapped is no task yet


LIVE = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: live}
spec:
  entrypoint: main
  arguments: {parameters: [{name: who, value: world}]}
  templates:
  - name: main
    dag:
      tasks:
      - {name: make, template: make}
      - name: use
        depends: make
        template: use
        arguments: {parameters: [{name: text, value: "{{tasks.make.outputs.parameters.text}}"}]}
      - {name: heads, depends: use, template: say, when: "{{tasks.use.outputs.result}} == HELLO"}
      - {name: tails, depends: use, template: say, when: "{{tasks.use.outputs.result}} != HELLO"}
      - {name: late, depends: heads && tails, template: say}
      - name: each
        depends: late
        template: check
        withItems: [hello, "{{workflow.parameters.who}}"]
        arguments: {parameters: [{name: word, value: "{{item}}"}]}
      - {name: names, depends: late, template: names}
      - name: spread
        depends: names
        template: check
        withParam: "{{tasks.names.outputs.result}}"
        arguments: {parameters: [{name: word, value: "{{item}}"}]}
  - name: make
    container:
      image: busybox
      command: [sh, -c]
      args: ["printf 'hello {{workflow.parameters.who}} {%s 1 }}' '{' > /tmp/couler-live"]
    outputs: {parameters: [{name: text, valueFrom: {path: /tmp/couler-live}}]}
  - name: use
    inputs: {parameters: [{name: text}]}
    script:
      image: busybox
      command: [sh]
      source: |
        echo "{{inputs.parameters.text}}" | cut -d " " -f 1 | tr a-z A-Z
  - name: say
    container: {image: busybox, command: [echo, done]}
  - name: check
    inputs: {parameters: [{name: word}]}
    container: {image: busybox, command: [grep, -qF, "{{inputs.parameters.word}}", /tmp/couler-live]}
  - name: names
    container: {image: busybox, command: [printf, '["hello", "%s", "{%s 1 }}"]', "{{workflow.parameters.who}}", "{"]}
"""


@pytest.mark.slow
@pytest.mark.airflow
def test_a_generated_dag_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow runs it: rendering, results, conditions and trigger rules are its own; only the pods run here."""
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

    from adapters.airflow.running import run

    def execute(self: Any, context: Any) -> Any:
        place = tmp_path / f"{self.task_id}.{context['ti'].map_index}"
        place.mkdir()
        done, found = in_pod(["sh"], [*self.cmds, *self.arguments], place)
        assert done.returncode == 0, done.stderr
        return found

    monkeypatch.setattr(KubernetesPodOperator, "execute", execute)
    text = LIVE.replace("/tmp/couler-live", str(tmp_path / "live"))
    plan = lift_source(ARGO, read(text, "live.yaml"))
    outcome = run(loaded(written(plan.workflows[0], plan)))
    assert outcome.state == "success"
    assert outcome.states == {
        **{(task, -1): "success" for task in ("make", "use", "heads", "late", "names", "spread-items")},
        ("tails", -1): "skipped",
        **{("each", number): "success" for number in (0, 1)},
        **{("spread", number): "success" for number in (0, 1, 2)},
    }
    assert json.loads(outcome.xcoms["make", -1, "return_value"].replace("'", '"')) == {
        "parameters.text": "hello world {{ 1 }}"
    }


@pytest.mark.airflow
def test_airflow_knows_the_timetables_and_the_parameters() -> None:
    """A schedule and all that a parameter can say, as Airflow reads it back from its database."""
    from airflow.serialization.serialized_objects import DagSerialization

    plan = lift_source(ARGO, read(CRON, "cron.yaml"))
    dag = DagSerialization.from_dict(DagSerialization.to_dict(loaded(written(plan.workflows[0], plan))))
    assert dag.timetable.summary == "0 2 * * *, 0 4 * * 1-5"
    assert dag.params.dump() == {"level": "low"}
    assert dag.max_active_tasks == 3
    assert dag.dagrun_timeout is not None
    assert dag.dagrun_timeout.total_seconds() == 60
    assert dag.tags == {"team=ml"}


CRON = """
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly, labels: {team: ml}}
spec:
  schedules: ["0 2 * * *", "0 4 * * 1-5"]
  timezone: Europe/Paris
  workflowSpec:
    activeDeadlineSeconds: 60
    parallelism: 3
    entrypoint: say
    arguments: {parameters: [{name: level, value: low, enum: [low, high], description: How much.}]}
    templates:
    - {name: say, container: {image: busybox, command: [echo], args: ["{{workflow.parameters.level}}"]}}
"""


KEPT_ELSEWHERE = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: report}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: write, template: write}
    - - name: read
        template: read
        arguments: {artifacts: [{name: table, from: "{{steps.write.outputs.artifacts.table}}"}]}
  - name: write
    container: {image: busybox, command: [sh, -c, "date | tee /tmp/table > /tmp/page"]}
    outputs:
      artifacts:
      - {name: table, path: /tmp/table, s3: {bucket: shared, key: table}}
      - {name: page, path: /tmp/page, s3: {bucket: shared, key: page}}
  - name: read
    inputs: {artifacts: [{name: table, path: /tmp/table}]}
    container: {image: busybox, command: [cat, /tmp/table]}
"""


def test_an_artifact_with_a_place_of_its_own_is_lost_for_those_outside() -> None:
    plan = lift_source(ARGO, read(KEPT_ELSEWHERE, "report.yaml"))
    decisions = lowered(plan.workflows[0], plan).decisions
    losses = {item.action: item.loss for item in decisions if "kept in the store" in item.reason}
    assert losses == {"hands on 'table'": "detail", "hands on 'page'": "run"}
