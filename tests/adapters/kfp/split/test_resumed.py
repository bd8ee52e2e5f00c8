"""A run that was killed, or that failed, is taken up where it was left: what has ended is not run again."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from adapters.kfp.split.generating import chain
from adapters.kfp.split.runs import RUN, handed_out, run_here, split
from couler_kfp.run import local
from couler_kfp.run.local import OUTPUTS
from couler_plugins.cli.group import couler
from couler_plugins.errors import CoulerError
from couler_plugins.hookspecs.running import Where
from couler_plugins.running import Head, Journal
from support import first_of

pytestmark = pytest.mark.sampled

pytest.importorskip("kfp", reason="needs kfp")


def counted(folder: Path) -> Counter[str]:
    """How often each step has run."""
    return Counter(path.name.split(".")[0] for path in folder.iterdir() if path.name.startswith("step-"))


def with_journal(parts: list[object], folder: Path, path: Path) -> bool:
    """One call of `couler run --journal`; whether all has succeeded."""
    with Journal.opened(path) as journal:
        from couler_kfp.run.local import LocalRunner
        from couler_plugins.hookspecs.running import Request

        jobs = LocalRunner(str(folder)).jobs(parts, Request(run=RUN))
        journal.begin(Head.of(RUN, "kfp", Where(folder=str(folder)), jobs), path)
        return run_here(parts, folder, journal=journal)[1].succeeded


def killed(parts: list[object], folder: Path, path: Path, enough: Path, count: int) -> None:
    """The same in a process that is killed, with all that it has started, once so many steps have begun."""

    def child() -> None:
        os.setsid()
        with_journal(parts, folder, path)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    deadline = time.monotonic() + 60
    while sum(counted(enough).values()) < count and process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid or 0, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("begun", first_of([1, 2, 3]), ids=["within the first part", "at its end", "within the second"])
def test_finished_parts_are_not_run_again_after_a_kill(begun: int, tmp_path: Path) -> None:
    counts = tmp_path / "counts"
    counts.mkdir()
    parts = split(chain(4, str(counts)), "max-steps=2")
    killed(parts, tmp_path / "out", tmp_path / "journal", counts, begun)
    done = [place.parent.name for place in (tmp_path / "out").glob(f"*/{OUTPUTS}")]
    before = counted(counts)
    assert with_journal(parts, tmp_path / "out", tmp_path / "journal")
    after = counted(counts)
    finished = {
        f"step-{2 * at + step}" for at in (0, 1) for step in (0, 1) if any(f"part-{at + 1}-" in x for x in done)
    }
    assert begun < 3 or finished >= {"step-0", "step-1"}
    assert (
        {step: after[step] for step in finished}
        == {step: before[step] for step in finished}
        == dict.fromkeys(finished, 1)
    )
    assert after.keys() == {"step-0", "step-1", "step-2", "step-3"}


def test_a_failed_part_names_the_task_and_is_tried_again_by_the_next_call(tmp_path: Path) -> None:
    counts = tmp_path / "counts"
    counts.mkdir()
    parts = split(chain(4, str(counts), fail="step-3"), "max-steps=2")
    journal = tmp_path / "journal"
    assert not with_journal(parts, tmp_path / "out", journal)
    told = [json.loads(line) for line in journal.read_text().splitlines()[1:]]
    (failed,) = (entry for entry in told if entry.get("phase") == "failed")
    assert failed["job"] == "chained-part-2"
    assert "Inner task failed: 'step-3'" in failed["message"]
    assert "\x1b" not in failed["message"]
    assert counted(counts) == {"step-0": 1, "step-1": 1, "step-2": 1, "step-3": 1}
    (counts / "mended").touch()
    assert with_journal(parts, tmp_path / "out", journal)
    assert counted(counts) == {"step-0": 1, "step-1": 1, "step-2": 2, "step-3": 2}


def test_another_call_of_the_same_run_finds_what_has_ended_without_a_journal(tmp_path: Path) -> None:
    counts = tmp_path / "counts"
    counts.mkdir()
    parts = split(chain(2, str(counts)), "max-steps=2")
    jobs, first = run_here(parts, tmp_path / "out")
    _, second = run_here(parts, tmp_path / "out")
    assert {item.outcome for item in first.submitted.values()} == {"created"}
    assert {item.outcome for item in second.submitted.values()} == {"adopted"}
    assert second.succeeded
    assert counted(counts) == {"step-0": 1, "step-1": 1}
    assert handed_out(jobs, tmp_path / "out")["number"] == 9


def test_who_interrupts_a_run_is_told_how_to_go_on_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*given: object) -> dict[str, object]:
        raise KeyboardInterrupt

    path = tmp_path / "pipeline.json"
    path.write_text(json.dumps(chain(2)))
    arguments = ["run", str(path), "--local", "--folder", str(tmp_path / "out"), "--journal", str(tmp_path / "journal")]
    with monkeypatch.context() as patched:
        patched.setattr(local, "_run_here", interrupted)
        done = CliRunner().invoke(couler, arguments)
    assert done.exit_code == 130
    assert f"to go on: call the same again with --journal {tmp_path / 'journal'}" in done.stderr
    assert "runs on" not in done.stderr  # it ran in that very process
    done = CliRunner().invoke(couler, arguments)
    assert done.exit_code == 0, done.output
    assert "  number = 9\n" in done.stdout


def test_other_parameters_make_another_run(tmp_path: Path) -> None:
    parts = split(chain(2), "max-steps=2")
    run_here(parts, tmp_path / "out")
    _, second = run_here(parts, tmp_path / "out", {"number": "5"})
    assert {item.outcome for item in second.submitted.values()} == {"created"}


def test_what_needs_a_container_is_refused_before_anything_runs(tmp_path: Path) -> None:
    spec = chain(2)
    spec["deploymentSpec"]["executors"]["exec-tell"]["container"]["command"] = ["echo"]
    with pytest.raises(CoulerError, match="'comp-tell' of 'chained-part-2' runs a container"):
        run_here(split(spec, "max-steps=2"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_installs_packages_runs_without_a_network_and_goes_elsewhere_as_it_is(tmp_path: Path) -> None:
    spec = chain(2)
    for executor in spec["deploymentSpec"]["executors"].values():
        install = "python3 -m pip install --quiet 'kfp==2.17.3' '--no-deps' && \"$0\" \"$@\""
        executor["container"]["command"] = ["sh", "-c", install, *executor["container"]["command"]]
    jobs, outcome = run_here([spec], tmp_path / "out")
    assert outcome.succeeded
    assert "pip install" in str(jobs[0].content["spec"])


def test_tasks_that_share_a_component_keep_their_artifacts(tmp_path: Path) -> None:
    """`kfp.local` by itself has one write over the other: see `test_local`."""
    from adapters.kfp.split.generating import fan

    jobs, outcome = run_here([fan(2)], tmp_path / "out", {"number": "7"})
    assert outcome.succeeded
    steps = tmp_path / "out" / jobs[0].place / "steps"
    assert [path.name for path in sorted(steps.glob("*/write*"))] == ["write", "write-2"]
