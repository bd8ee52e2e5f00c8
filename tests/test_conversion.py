"""Converting files of one engine for another: what is written where, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from couler_plugins import Text, convert, lift, lower
from couler_plugins.errors import InvalidInput, Unsupported

HELLO = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: hello}
spec:
  entrypoint: say
  templates:
  - {name: say, container: {image: busybox, command: [echo], args: [hello]}}
"""
EPHEMERAL = HELLO.replace("spec:", "spec:\n  ttlStrategy: {secondsAfterCompletion: 5}")
SUSPENDED = HELLO.replace("container: {image: busybox, command: [echo], args: [hello]}", "data: {}")


def test_a_file_becomes_a_dag_file() -> None:
    result = convert(Text(HELLO, "a/hello.yaml"), "airflow")
    (file,) = result.files
    assert (file.status, file.relative, file.workflows) == ("changed", "a/hello.py", 1)
    assert "dag_id='hello'" in result.text
    assert convert(Text(HELLO, "a/hello.yaml"), "airflow").text == result.text


def test_what_cannot_be_carried_is_refused_by_file() -> None:
    result = convert([Text(SUSPENDED, "bad.yaml"), Text(HELLO, "good.yaml")], "airflow")
    assert [file.status for file in result.files] == ["refused", "changed"]
    error = result.files[0].error
    assert isinstance(error, Unsupported)
    assert (error.file, error.step, error.feature) == ("bad.yaml", "say", "Operation.kind")


def test_what_does_not_count_is_left_out() -> None:
    (file,) = convert(Text(EPHEMERAL, "a.yaml"), "airflow").files
    assert [(item.optimizer, item.action, item.loss) for item in file.decisions] == [("airflow", "left out", "detail")]
    assert "when the finished workflow is removed" in (file.text or "")
    assert isinstance(convert(Text(EPHEMERAL, "a.yaml"), "airflow", strict=True).files[0].error, Unsupported)


def test_artifacts_and_objects_need_what_they_go_through() -> None:
    made = HELLO.replace("args: [hello]}", "args: [hello]}, outputs: {artifacts: [{name: o, path: /o}]}")
    applied = SUSPENDED.replace("data: {}", "resource: {action: get, flags: [pods]}")
    for text, option in ((made, "store=claim"), (applied, "kubectl=image")):
        error = convert(Text(text, "a.yaml"), "airflow").files[0].error
        assert isinstance(error, Unsupported)
        assert option.partition("=")[0] in (error.hint or "")
        assert option.partition("=")[2] in convert(Text(text, "a.yaml"), f"airflow{{{option}}}").text


@pytest.mark.parametrize("way", [("kfp", "tekton", "argo"), ("tekton", "kfp", "argo")])
def test_what_owners_say_of_caching_goes_along(way: tuple[str, ...]) -> None:
    said = "{couler.io/cache: pure, couler.io/cache-allow: 'secret,network'}"
    text = HELLO.replace("{name: say, ", f"{{name: say, metadata: {{annotations: {said}}}, ")
    for engine in way:
        text = convert(Text(text, "hello.yaml"), engine).text
        assert re.search(r"couler.io/cache: pure\n\s+couler.io/cache-allow: secret,network\n", text), (engine, text)


def test_two_workflows_of_one_name_are_no_two_dags() -> None:
    for texts in ([Text(HELLO, "a.yaml"), Text(HELLO, "b.yaml")], [Text(f"{HELLO}---{HELLO}", "a.yaml")]):
        result = convert(texts, "airflow")
        error = result.files[-1].error
        assert isinstance(error, InvalidInput)
        assert "the DAG 'hello', which a.yaml has already" in error.message


def test_two_files_of_one_name_are_no_two_files() -> None:
    result = convert([Text(HELLO, "a.yaml"), Text(HELLO.replace("hello", "other"), "a.yml")], "airflow")
    assert [file.status for file in result.files] == ["changed", "refused"]


def test_several_workflows_of_a_file_share_one() -> None:
    text = convert(Text(f"{HELLO}---{HELLO.replace('hello', 'other')}", "a.yaml"), "airflow").text
    assert text.count("with DAG(") == 2
    assert text.count("import KubernetesPodOperator") == 1
    compile(text, "a.py", "exec")


def test_a_plan_is_lowered_for_another_engine() -> None:
    plan = lift(Text(HELLO, "a.yaml"))
    (dag,) = lower(plan, to="airflow").added
    assert dag.dag_id == "hello"


def test_files_of_the_engine_itself_stay_as_they_are() -> None:
    assert convert(Text(HELLO, "a.yaml"), "argo").text == HELLO


def test_a_folder_of_manifests_becomes_a_folder_of_dags(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "a.yaml").write_text(HELLO)
    (tmp_path / "in" / "deep" / "b.json").write_text("{}")
    result = convert(tmp_path / "in", "airflow")
    assert sorted((file.relative, file.status) for file in result.files) == [("a.py", "changed")]


def test_what_is_beside_a_workflow_is_said_to_be_left_out(caplog: pytest.LogCaptureFixture) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"
    file = convert(Text(f"{secret}---{HELLO}", "a.yaml"), "airflow").files[0]
    assert [decision.action for decision in file.decisions] == ["left out"]
    assert "line 1 begins a Secret that is no workflow" in caplog.text


def test_labels_are_tags_and_annotations_documentation() -> None:
    text = convert(Text(HELLO.replace("{name: hello}", METADATA), "a.yaml"), "airflow").text
    assert "tags=['team=ml']" in text
    assert "doc_md=" in text
    assert "'What it does.\\n'" in text


METADATA = "{name: hello, labels: {team: ml}, annotations: {workflows.argoproj.io/description: What it does., x: y}}"


POD = "container: {image: busybox, command: [echo], args: [hello]}"


@pytest.mark.parametrize(
    ("old", "new", "feature", "word"),
    [
        (POD, "container: {image: busybox, args: [x]}\n    outputs: {parameters: [{name: o, valueFrom: {path: /o}}]}",
         "Container.command", "no command"),
        (POD, f"{POD}\n    retryStrategy: {{limit: 2, backoff: {{duration: 1s, maxDuration: 5m}}}}",
         None, "after a time (maxDuration)"),
        (POD, f"{POD}\n    retryStrategy: {{limit: 2, expression: 'true'}}", "Retry.condition", "conditions"),
        (POD, f"{POD}\n    timeout: 5m\n    retryStrategy: {{limit: 2}}", "Operation.timeout", "retries"),
        (POD, POD.replace("hello", '"{{workflow.duration}}"'), "Step.arguments", "workflow"),
        (POD, POD.replace("hello", '"{{=1 + 1}}"'), "Step.arguments", "expression"),
        (POD, "script: {image: x, command: [sh], source: " + "x" * 140_000 + "}", "Container.script", "bytes"),
        ("spec:", "spec:\n  volumeClaimTemplates: []", "Workflow.native_extra", "volumeClaimTemplates"),
    ],
)  # fmt: skip
def test_what_a_pod_of_airflow_cannot_do(old: str, new: str, feature: str | None, word: str) -> None:
    text = HELLO.replace("- {name: say, ", "- name: say\n    ").replace("]}}", "]}")
    assert old in text
    error = convert(Text(text.replace(old, new), "a.yaml"), "airflow").files[0].error
    assert isinstance(error, Unsupported)
    assert (error.feature, word in error.message, bool(error.step), bool(error.hint)) == (feature, True, True, True)


@pytest.mark.parametrize(
    ("to", "backoff", "retries"),
    [
        ("kfp", "duration: 1m", "backoffDuration: 60s\n          backoffFactor: 1.0"),
        ("kfp", "duration: 1m, factor: '2'", "backoffDuration: 60s\n          backoffFactor: 2.0"),
        ("airflow", "duration: 1m", "retry_delay=timedelta(seconds=60)"),
        ("tekton", "duration: 1m, factor: 2, cap: 1h", "retries: 2"),
    ],
)
def test_delays_between_attempts_are_carried(to: str, backoff: str, retries: str) -> None:
    text = retried(f"limit: '2', backoff: {{{backoff}}}")
    file = convert(Text(text, "a.yaml"), to).files[0]
    assert file.error is None
    assert retries in (file.text or "")
    notes = [decision.reason for decision in file.decisions if decision.action == "retried without a delay"]
    assert notes == (["Tekton starts further attempts at once"] if to == "tekton" else [])


def retried(strategy: str) -> str:
    text = HELLO.replace("- {name: say, ", "- name: say\n    ").replace("]}}", "]}")
    return text.replace(POD, f"{POD}\n    retryStrategy: {{{strategy}}}")


@pytest.mark.parametrize(
    ("to", "strategy", "feature"),
    [
        ("kfp", "backoff: {duration: 1500ms}", "Retry.delay"),
        ("kfp", "backoff: {duration: 1d}", "Retry.delay"),
        ("kfp", "backoff: {duration: 1m, factor: '{{workflow.parameters.x}}'}", "Retry.factor"),
        ("kfp", "backoff: {duration: 1m, cap: 5m}", "Retry.max_delay"),
        *((to, "expression: lastRetry.exitCode == '2'", "Retry.condition") for to in ("kfp", "tekton")),
        *((to, "backoff: {duration: 1m, maxDuration: 1h}", None) for to in ("kfp", "tekton")),
        *((to, "retryPolicy: OnError", None) for to in ("kfp", "tekton")),
    ],
)
def test_retries_that_another_engine_has_not_are_refused(to: str, strategy: str, feature: str | None) -> None:
    error = convert(Text(retried(f"limit: 2, {strategy}"), "a.yaml"), to).files[0].error
    assert isinstance(error, Unsupported)
    assert (error.feature, bool(error.step), bool(error.hint)) == (feature, True, True)


def test_no_token_is_mounted_where_none_is_to_be() -> None:
    text = convert(
        Text(HELLO.replace("spec:", "spec:\n  automountServiceAccountToken: false"), "a.yaml"), "airflow"
    ).text
    assert "automount_service_account_token=False" in text
    assert "pod_template_dict" not in text


CRON = """
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly}
spec:
  schedules: ["0 2 * * *", "0 4 * * 1-5"]
  timezone: Europe/Paris
  workflowSpec:
    entrypoint: say
    templates:
    - {name: say, container: {image: busybox, command: [echo], args: [hello]}}
"""


def test_a_schedule_is_a_timetable() -> None:
    text = convert(Text(CRON, "a.yaml"), "airflow").text
    assert "MultipleCronTriggerTimetable('0 2 * * *', '0 4 * * 1-5', timezone='Europe/Paris')" in text
    single = convert(Text(CRON.replace(', "0 4 * * 1-5"', ""), "a.yaml"), "airflow").text
    assert "schedule=CronTriggerTimetable('0 2 * * *', timezone='Europe/Paris')" in single
    for bad in (
        CRON.replace("0 2 * * *", "@every 1h"),
        CRON.replace("spec:\n  s", "spec:\n  concurrencyPolicy: Forbid\n  s"),
    ):
        assert isinstance(convert(Text(bad, "a.yaml"), "airflow").files[0].error, Unsupported)


READING = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: say, arguments: {parameters: [{name: x, value: "1"}]}}
      - name: b
        template: say
        arguments: {parameters: [{name: x, value: "{{tasks.a.outputs.result}}"}]}
  - name: say
    inputs: {parameters: [{name: x}]}
    container: {image: busybox, command: [echo], args: ["{{inputs.parameters.x}}"]}
"""


def test_what_is_read_has_to_be_waited_for() -> None:
    error = convert(Text(READING, "a.yaml"), "airflow").files[0].error
    assert isinstance(error, Unsupported)
    assert (error.step, error.feature) == ("b", "Step.needs")
    waiting = READING.replace("- name: b", "- name: b\n        depends: a")
    assert "a >> b" in convert(Text(waiting, "a.yaml"), "airflow").text
