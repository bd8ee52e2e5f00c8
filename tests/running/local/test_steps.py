"""What one step does: its world, its outputs, its attempts, its limits."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from couler_argo.run.local import facts
from couler_plugins.caching.plugin import couler_runs
from couler_plugins.documents import read
from couler_plugins.hookspecs.local import Ended
from couler_plugins.ir import Literal, Retry
from running.local.running import HEAD, STARTED, runs, script, workflow
from support import first_of

pytestmark = pytest.mark.sampled

ONE = "steps:\n- - {name: a, template: leaf}\n"


def single(source: str, tmp_path: Path, handed: str = "", command: str = "sh", **more: str) -> Any:
    outputs = f"outputs: {handed}\n" if handed else ""
    text = workflow(f"{ONE}{outputs}", leaf=script(source, command, **more))
    return runs(text, tmp_path)


RESULT = '{parameters: [{name: o, valueFrom: {parameter: "{{steps.a.outputs.result}}"}}]}'
PARAMETER = '{parameters: [{name: o, valueFrom: {parameter: "{{steps.a.outputs.parameters.p}}"}}]}'


@pytest.mark.parametrize(
    ("source", "command", "result"),
    [
        ("echo one; echo two", "sh", "one\ntwo"),
        ("printf 'no newline'", "sh", "no newline"),
        ("printf 'two\\n\\n'", "bash", "two\n"),
        ("print('ü')", "python", "ü"),
        ("import os; print(os.getcwd() != '/', os.path.isdir('/tmp'))", "python3", "True True"),
        ("echo to stderr >&2", "sh", ""),
        ("[[ a == a ]] && echo bash", "bash", "bash"),
    ],
)
def test_a_result_is_what_is_printed(tmp_path: Path, source: str, command: str, result: str) -> None:
    assert single(source, tmp_path, RESULT, command).outputs == {"o": result}


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("echo x > /tmp/p", "/tmp/p"),
        ("cd /tmp && echo x > p", "/tmp/p"),
        ("echo x > p", "/p"),
        ("echo x > ./p", "/p"),
        ('d="/tmp"; echo x > "$d/p"', "/tmp/p"),
        ("mkdir /data; echo x > /data/p", "/data/p"),
        ("mkdir -p /data/a; echo x > /data/a/p", "/data/a/p"),
        ("mkdir -p $(dirname /var/run/argo/p); echo x > /var/run/argo/p", "/var/run/argo/p"),
        ("echo x > {{outputs.parameters.p.path}}", "/tmp/p"),
    ],
)
def test_paths_of_a_step_are_led_to_its_own_folder(tmp_path: Path, source: str, path: str) -> None:
    outputs = f"{{parameters: [{{name: p, valueFrom: {{path: {path}}}}}]}}"
    ran = single(source, tmp_path, PARAMETER, outputs=outputs)
    assert ran.outputs == {"o": "x"}, ran.status
    assert path == "/tmp/p" or not Path(path).exists()


def test_a_missing_output_is_an_error_unless_it_has_a_default(tmp_path: Path) -> None:
    outputs = "{parameters: [{name: p, valueFrom: {path: /tmp/p}}]}"
    ran = single("test -d /tmp/", tmp_path, PARAMETER, outputs=outputs)
    assert (ran.well, "has not left the parameter 'p' at /tmp/p" in ran.status.message) == (False, True)
    default = "{parameters: [{name: p, valueFrom: {path: /tmp/p, default: d}}]}"
    assert single("test -d /tmp/", tmp_path / "d", PARAMETER, outputs=default).outputs == {"o": "d"}


def test_an_artifact_that_may_be_missing_is_not_there(tmp_path: Path) -> None:
    inputs = "{artifacts: [{name: i, path: /in/file, optional: true}]}"
    assert single("test -e /in/file || echo none", tmp_path, RESULT, inputs=inputs).outputs == {"o": "none"}


@pytest.mark.parametrize("source", ["ln -s /etc/passwd /tmp/p", "mkdir /tmp/p; ln -s /etc /tmp/p/x", "mkfifo /tmp/p"])
def test_an_artifact_that_leads_out_is_an_error(tmp_path: Path, source: str) -> None:
    ran = single(source, tmp_path, outputs="{artifacts: [{name: p, path: /tmp/p}]}")
    assert not ran.well
    assert "passwd" not in (ran.folder / "records.jsonl").read_text()


def test_a_failed_step_says_how_and_where_its_log_is(tmp_path: Path) -> None:
    ran = single("echo printed\necho why >&2\nexit 5", tmp_path)
    assert (ran.well, ran.status.failed) == (False, ("main/a",))
    (log,) = ran.folder.glob("steps/main.a-*/1/log")
    assert sorted(log.read_text().split()) == ["printed", "why"]  # two pipes: which comes first is not said
    assert f"exit code 5, see {log}: " in ran.status.message
    assert all(line in ran.status.message for line in ("printed", "why"))


@pytest.mark.parametrize(("limit", "tries", "well"), [("3", 3, True), ("1", 2, False)])
def test_a_step_is_tried_again(tmp_path: Path, limit: str, tries: int, well: bool) -> None:
    source = f"echo x >> {STARTED}\ntest $(wc -l < {STARTED}) -ge 3"
    ran = single(source, tmp_path, retryStrategy=f"{{limit: {limit}, backoff: {{duration: 10ms, factor: 2}}}}")
    assert (ran.well, len((ran.folder / "started").read_text().split())) == (well, tries)
    assert len(list(ran.folder.glob("steps/main.a-*/[0-9]/log"))) == tries


@pytest.mark.parametrize(
    ("expression", "tries"),
    [
        ("lastRetry.exitCode in ['4', '5']", 3),
        ("asInt(lastRetry.exitCode) < 5", 2),
        ("lastRetry.message matches 'exit code [45]' && lastRetry.status == 'Failed'", 3),
        ("asInt(retries) < 1 && asInt(lastRetry.duration) < 60", 2),
        ("{{inputs.parameters.again}} && lastRetry.status != 'Error'", 4),
        ("!{{inputs.parameters.again}}", 1),
        ("asInt(lastRetry.exitCode)", 1),
    ],
)
def test_a_step_is_tried_again_where_its_expression_holds(tmp_path: Path, expression: str, tries: int) -> None:
    source = f"echo x >> {STARTED}\nexit $((3 + $(wc -l < {STARTED})))"  # 4, 5, 6, …
    again = f'{{limit: "3", retryPolicy: Always, expression: "{expression}"}}'
    ran = single(source, tmp_path, inputs='{parameters: [{name: again, value: "true"}]}', retryStrategy=again)
    assert len((ran.folder / "started").read_text().split()) == tries
    assert ("neither true nor false" in ran.status.message) is (expression == "asInt(lastRetry.exitCode)")


def test_a_step_whose_time_was_up_says_so_to_its_expression(tmp_path: Path) -> None:
    again = "{limit: \"1\", expression: \"lastRetry.exitCode == '-1' && lastRetry.message contains 'deadline'\"}"
    ran = single(f"echo x >> {STARTED}; sleep 30", tmp_path, timeout="1s", retryStrategy=again)
    assert len((ran.folder / "started").read_text().split()) == 2


@pytest.mark.parametrize(
    ("failed", "longest", "waits"), [(1, None, 60.0), (3, None, 540.0), (3, 300, 300.0), (1, 300, 60.0)]
)
def test_delays_grow_up_to_the_longest(failed: int, longest: int | None, waits: float) -> None:
    retry = Retry(
        limit=Literal(value="3"),
        delay=Literal(value=60),
        factor=Literal(value=3),
        max_delay=None if longest is None else Literal(value=longest),
    )
    attempts = [Ended(outcome="failed", code=1)] * failed
    assert facts.pause(retry, attempts, lambda reference: "") == waits


@pytest.mark.parametrize("field", first_of(["timeout", "activeDeadlineSeconds"]))
def test_a_step_that_takes_too_long_is_killed(tmp_path: Path, field: str) -> None:
    started = time.monotonic()
    ran = single("sleep 30 & sleep 30", tmp_path, **{field: "1"})
    assert (ran.well, "the time was up" in ran.status.message) == (False, True)
    assert time.monotonic() - started < 15


def test_what_a_step_leaves_running_ends_with_it(tmp_path: Path) -> None:
    started = time.monotonic()
    ran = single("sleep 30 & echo done", tmp_path, RESULT)
    assert ran.outputs == {"o": "done"}
    assert time.monotonic() - started < 15


def test_only_what_is_said_is_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "secret")
    variable = "script:\n  env: [{name: B, value: '{{workflow.name}}'}]\n"
    leaf = script("echo $A_SECRET/$B/$TMPDIR").replace("script:\n", variable)
    text = workflow(f"{ONE}outputs: {RESULT}\n", leaf=leaf)
    ran = runs(text, tmp_path)
    assert ran.outputs["o"].startswith(f"/w/{ran.folder}")


def test_raw_artifacts_and_folders_are_handed_on_as_copies(tmp_path: Path) -> None:
    main = """
dag:
  tasks:
  - {name: a, template: make, arguments: {artifacts: [{name: i, raw: {data: "raw\\n"}}]}}
  - {name: b, depends: a, template: spoil, arguments: {artifacts: [{name: d, from: "{{tasks.a.outputs.artifacts.d}}"}]}}
  - {name: c, depends: b, template: spoil, arguments: {artifacts: [{name: d, from: "{{tasks.a.outputs.artifacts.d}}"}]}}
outputs: {parameters: [{name: o, valueFrom: {parameter: "{{tasks.c.outputs.result}}"}}]}
"""
    make = script(
        "mkdir -p /out/sub; cat /in/file > /out/sub/x\n"
        "ln -s sub/x /out/link; echo '#!/bin/sh' > /out/run; chmod +x /out/run",
        inputs="{artifacts: [{name: i, path: /in/file}]}",
        outputs="{artifacts: [{name: d, path: /out}]}",
    )
    spoil = script(
        "cat /d/link; test -x /d/run && echo runs; echo spoilt > /d/sub/x", inputs="{artifacts: [{name: d, path: /d}]}"
    )
    assert runs(workflow(main, make=make, spoil=spoil), tmp_path).outputs == {"o": "raw\nruns"}


def test_global_outputs_exit_handlers_and_facts(tmp_path: Path) -> None:
    leaf = script(
        "echo x > /tmp/g; exit 1", outputs="{parameters: [{name: p, globalName: seen, valueFrom: {path: /tmp/g}}]}"
    )
    ended = script(f"echo '{{{{workflow.status}}}} {{{{workflow.name}}}}' > {STARTED}")
    good = leaf.replace("exit 1", "exit 0")
    text = workflow(ONE, leaf=good, bye=ended).replace("  entrypoint: main\n", "  entrypoint: main\n  onExit: bye\n")
    ran = runs(text, tmp_path)
    assert (ran.outputs, (ran.folder / "started").read_text()) == ({"seen": "x"}, "Succeeded w\n")
    failed = runs(text.replace("exit 0", "exit 1"), tmp_path, run="failed")
    assert (failed.well, (failed.folder / "started").read_text()) == (False, "Failed w\n")


def test_parameters_defaults_and_enclosing_names(tmp_path: Path) -> None:
    text = f"""{HEAD}  entrypoint: leaf
  arguments: {{parameters: [{{name: a, value: one}}, {{name: b, value: "{{{{workflow.parameters.a}}}}!"}}]}}
  templates:
  - name: leaf
    inputs: {{parameters: [{{name: a}}, {{name: c, default: "{{{{inputs.parameters.a}}}}?"}}]}}
    script:
      image: i
      command: [sh]
      source: "echo {{{{inputs.parameters.c}}}}{{{{workflow.parameters.b}}}} > /tmp/o"
    outputs: {{parameters: [{{name: o, valueFrom: {{path: /tmp/o}}}}]}}
"""
    assert runs(text, tmp_path).outputs == {"o": "one?one!"}
    assert runs(text, tmp_path, run="s", parameters={"a": "two"}).outputs == {"o": "two?two!"}


def test_only_so_many_run_at_a_time(tmp_path: Path) -> None:
    source = f"""
echo + >> {STARTED}; sleep 0.1; echo - >> {STARTED}
"""
    text = workflow("steps:\n- - {name: a, template: leaf, withItems: [1, 2, 3, 4, 5]}\n", leaf=script(source))

    def most(marks: list[str]) -> int:
        running = [marks[: number + 1].count("+") - marks[: number + 1].count("-") for number in range(len(marks))]
        return max(running)

    ran = runs(text, tmp_path, parallel=2)
    assert most((ran.folder / "started").read_text().split()) == 2
    own = text.replace("  entrypoint: main\n", "  entrypoint: main\n  parallelism: 1\n")
    ran = runs(own, tmp_path, run="own")
    assert most((ran.folder / "started").read_text().split()) == 1


def test_a_run_is_a_history_of_runs(tmp_path: Path) -> None:
    text = workflow(
        "steps:\n- - {name: a, template: leaf, withItems: [1, 2]}\n- - {name: b, template: leaf}\n", leaf=script("true")
    )
    ran = runs(text, tmp_path)
    content = (ran.folder / "history.json").read_text()
    (document,) = read(content, "history.json").documents
    (found,) = couler_runs(document)
    assert (found.family, found.whole) == ("w", True)
    assert sorted((step.step, step.site, step.fate) for step in found.steps) == [
        ("main/a(0)", "main/a", "computed"),
        ("main/a(1)", "main/a", "computed"),
        ("main/b", "main/b", "computed"),
    ]
    assert found.steps[2].parents == (0, 1)
    assert all(step.seconds is not None for step in found.steps)
    assert json.loads(content)["schema"] == "couler.runs/v1"


def test_a_disk_that_fails_ends_the_run_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from couler_plugins.errors import EngineError
    from couler_plugins.running.local.records import Records

    def full(records: Records, record: object) -> None:
        raise EngineError("the disk is full")

    monkeypatch.setattr(Records, "add", full)
    with pytest.raises(EngineError, match="the disk is full"):
        single("echo x", tmp_path)


def test_exit_hooks_of_a_step_see_how_it_went(tmp_path: Path) -> None:
    hook = "hooks: {exit: {template: bye, expression: 'steps.a.status == \"Failed\"'}}"
    main = f"steps:\n- - name: a\n    template: leaf\n    {hook}\n    continueOn: {{failed: true}}\n"
    bye = script(f"echo bye >> {STARTED}")
    failed = runs(workflow(main, leaf=script("exit 1"), bye=bye), tmp_path, run="failed")
    well = runs(workflow(main, leaf=script("exit 0"), bye=bye), tmp_path, run="well")
    assert (failed.well, (failed.folder / "started").read_text()) == (True, "bye\n")
    assert (well.well, (well.folder / "started").exists()) == (True, False)
