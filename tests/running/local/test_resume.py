"""What has ended is not run again: after a failure, a kill, or when everything has ended already."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from couler_plugins.errors import InvalidInput
from running.local.running import STARTED, Ran, runs, script, workflow

CHAIN = """
dag:
  tasks:
  - {name: a, template: one, arguments: {parameters: [{name: v, value: a}]}}
  - {name: b, template: file, depends: a, arguments: {parameters: [{name: v, value: "{{tasks.a.outputs.result}}b"}]}}
  - name: c
    template: last
    depends: b
    arguments: {artifacts: [{name: in, from: "{{tasks.b.outputs.artifacts.out}}"}]}
outputs: {parameters: [{name: all, valueFrom: {parameter: "{{tasks.c.outputs.result}}"}}]}
"""
INPUT = "{parameters: [{name: v}]}"
ONE = script(f"echo a >> {STARTED}\necho {{{{inputs.parameters.v}}}}", inputs=INPUT)
FILE = script(
    f"echo b >> {STARTED}\nmkdir /tmp/out; echo {{{{inputs.parameters.v}}}} > /tmp/out/x",
    inputs=INPUT,
    outputs="{artifacts: [{name: out, path: /tmp/out}]}",
)
LAST = script(
    f"echo c >> {STARTED}\ntest ! -e ../../../../broken || exit 7\ncat /mnt/in/x",
    inputs="{artifacts: [{name: in, path: /mnt/in}]}",
)
TEXT = workflow(CHAIN, one=ONE, file=FILE, last=LAST)


def started(ran: Ran) -> str:
    return "".join((ran.folder / "started").read_text().split())


def test_what_has_ended_is_not_run_again(tmp_path: Path) -> None:
    first = runs(TEXT, tmp_path)
    assert (first.well, first.outputs, started(first)) == (True, {"all": "ab"}, "abc")
    again = runs(TEXT, tmp_path)
    assert (again.well, again.outputs, started(again)) == (True, {"all": "ab"}, "abc")
    assert (again.status.done, again.status.steps) == (3, 3)
    other = runs(TEXT, tmp_path, run="other")
    assert (other.well, started(other)) == (True, "abc")


def test_after_a_failure_what_failed_is_run_again(tmp_path: Path) -> None:
    folder = tmp_path / "r" / "w"
    folder.mkdir(parents=True)
    (folder / "broken").touch()
    failed = runs(TEXT, tmp_path)
    assert (failed.well, started(failed), failed.status.failed) == (False, "abc", ("main/c",))
    assert "exit code 7" in failed.status.message
    (folder / "broken").unlink()
    mended = runs(TEXT, tmp_path)
    assert (mended.well, mended.outputs, started(mended)) == (True, {"all": "ab"}, "abcc")


def damage_file(folder: Path) -> None:
    (path,) = folder.glob("steps/main.b-*/made/artifact.out/x")
    path.write_text("another")


def remove_made(folder: Path) -> None:
    (path,) = folder.glob("steps/main.b-*/made/artifact.out/x")
    path.unlink()


def plant_link(folder: Path) -> None:
    (path,) = folder.glob("steps/main.b-*/made/artifact.out/x")
    path.unlink()
    path.symlink_to("/etc/passwd")


@pytest.mark.parametrize("change", [damage_file, remove_made, plant_link])
def test_a_record_counts_only_with_what_it_tells_of(tmp_path: Path, change: Callable[[Path], None]) -> None:
    first = runs(TEXT, tmp_path)
    change(first.folder)
    again = runs(TEXT, tmp_path)
    assert (again.well, again.outputs, started(again)) == (True, {"all": "ab"}, "abcb")


def test_a_program_or_an_input_that_is_another_is_run_again_with_all_that_reads_it(tmp_path: Path) -> None:
    runs(TEXT, tmp_path)
    changed = runs(TEXT.replace("value: a}", "value: z}"), tmp_path)
    assert (changed.outputs, started(changed)) == ({"all": "zb"}, "abcabc")
    program = runs(TEXT.replace("value: a}", "value: z}").replace("cat /mnt/in/x", "cat /mnt/in/x /mnt/in/x"), tmp_path)
    assert (program.outputs, started(program)) == ({"all": "zb\nzb"}, "abcabcc")


def test_half_a_record_was_being_written_when_its_writer_died(tmp_path: Path) -> None:
    first = runs(TEXT, tmp_path)
    records = first.folder / "records.jsonl"
    lines = records.read_bytes().splitlines(keepends=True)
    records.write_bytes(b"".join(lines[:2]) + lines[2][:20])
    again = runs(TEXT, tmp_path)
    assert (again.well, started(again)) == (True, "abcc")


def test_records_that_are_none_are_refused(tmp_path: Path) -> None:
    first = runs(TEXT, tmp_path)
    (first.folder / "records.jsonl").write_text('{"step": 3}\n')
    with pytest.raises(InvalidInput, match="no record of a step"):
        runs(TEXT, tmp_path)


PROGRAM = """
import sys
from pathlib import Path
from running.local.running import runs
print(runs(Path(sys.argv[1]).read_text(), Path(sys.argv[2])).outputs)
"""
SLOW = f"""
echo s >> {STARTED}
(sleep 30; echo survived >> {STARTED}) &
test -e ../../../../fast || sleep 30
echo done
"""
SLOW_TEXT = workflow(
    """
steps:
- - {name: a, template: one, arguments: {parameters: [{name: v, value: a}]}}
- - {name: b, template: slow}
outputs: {parameters: [{name: all, valueFrom: {parameter: "{{steps.a.outputs.result}}{{steps.b.outputs.result}}"}}]}
""",
    one=ONE,
    slow=script(SLOW),
)


def process(tmp_path: Path) -> subprocess.Popen[str]:
    (tmp_path / "w.yaml").write_text(SLOW_TEXT)
    tests = Path(__file__).parents[2]
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "w.yaml"), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(tests)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def wait_for(path: Path, text: str) -> None:
    until = time.monotonic() + 30
    while not path.exists() or text not in path.read_text():
        assert time.monotonic() < until
        time.sleep(0.02)


def sleepers(folder: Path) -> list[str]:
    """What runs somewhere below a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder) in str((entry / "cwd").readlink()):
                found.append((entry / "comm").read_text())
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="looks into /proc for what survived")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_run_is_taken_up_and_nothing_of_it_survives(tmp_path: Path, number: signal.Signals) -> None:
    log = tmp_path / "r" / "w" / "started"
    running = process(tmp_path)
    wait_for(log, "s")
    running.send_signal(number)
    running.communicate(timeout=30)
    until = time.monotonic() + 10
    while sleepers(tmp_path):
        assert time.monotonic() < until, sleepers(tmp_path)
        time.sleep(0.02)
    (tmp_path / "r" / "w" / "fast").touch()
    again = runs(SLOW_TEXT, tmp_path)
    assert (again.well, again.outputs, started(again)) == (True, {"all": "adone"}, "ass")


def test_two_do_not_work_in_one_folder_and_one_may_stop_the_other(tmp_path: Path) -> None:
    from couler_argo.plugin import ArgoAdapter
    from couler_plugins.hookspecs.running import Where
    from couler_plugins.running.local import LocalRunner

    running = process(tmp_path)
    try:
        wait_for(tmp_path / "r" / "w" / "started", "s")
        with pytest.raises(InvalidInput, match="at work in another process"):
            runs(SLOW_TEXT, tmp_path)
        other = LocalRunner(ArgoAdapter(), Where(folder=str(tmp_path)))
        assert other.status("r/w").phase == "running"
        assert other.stop("r/w") == ["r/w"]
        assert other.stop("r/w") == []
        running.communicate(timeout=30)
        ended = other.status("r/w")
        assert (ended.phase, ended.message) == ("failed", "it was stopped")
    finally:
        running.kill()
        running.communicate()
