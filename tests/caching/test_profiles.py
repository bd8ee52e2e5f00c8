"""What past runs say of an operation: of its calls, of those of other workflows, and of no other's."""

from __future__ import annotations

import msgspec

from caching.toy import main
from couler_plugins.caching.profiles import profiles_of
from couler_plugins.ir import Operation, Workflow
from couler_plugins.runs import Attempt, Lookup, Run, StepRun
from ir.small import step


def ran(site: str, kind: str, pod: str, library: str = "") -> StepRun:
    tries = (Attempt(start=0.0, end=1.0, succeeded=True, pod=pod),)
    return StepRun(step=site, site=site, type=kind, library=library, spec=pod, key=pod, tries=tries)


def run(*steps: StepRun, family: str = "w") -> Run:
    return Run(family=family, steps=steps)


def pods(workflow: Workflow, *runs: Run) -> dict[str, list[str]]:
    profiles = profiles_of(workflow, runs)
    return {name: [one.pod for one in profile.tries or ()] for name, profile in profiles.items()}


def library(*operations: str, name: str = "lib") -> Workflow:
    held = tuple(Operation(name=item, kind="container") for item in operations)
    return Workflow(engine="toy", kind="Library", name=name, library="namespace", operations=held)


def test_what_runs_often_displaces_no_attempt_of_what_runs_once_a_week() -> None:
    weekly = run(ran("g/x", "op", "weekly", library="lib"), family="weekly")
    hourly = [run(ran("g/x", "op", f"{hour}", library="lib"), family="hourly") for hour in range(3000)]
    assert "weekly" in pods(library("op"), weekly, *hourly)["op"]


def test_an_operation_has_each_attempt_of_its_calls_once() -> None:
    workflow = main(step("a"), step("b"), step("new"))
    assert pods(workflow, run(ran("g/a", "op", "a"), ran("g/b", "op", "b"))) == {
        "g/a": ["a"],
        "g/b": ["b"],
        "g/new": ["a", "b"],
        "op": ["a", "b"],
    }


def test_an_operation_has_the_attempts_of_its_calls_under_an_older_name() -> None:
    workflow = main(step("a"))
    assert pods(workflow, run(ran("g/a", "renamed", "1")))["op"] == ["1"]


def test_a_call_that_has_called_another_operation_says_nothing_of_this_one() -> None:
    found = pods(main(step("a")), run(ran("g/a", "use", "1")))  # which is another operation of the workflow
    assert "op" not in found
    assert found["use"] == ["1"]


def test_an_operation_of_a_library_has_the_attempts_of_other_workflows() -> None:
    past = run(ran("main/a", "work", "1", "lib"), ran("main/b", "work", "2"), ran("main/c", "work", "3", "other"))
    assert pods(library("work", "send"), past) == {"work": ["1"]}


def test_the_only_operation_of_a_library_may_be_called_by_the_name_of_that() -> None:
    past = run(ran("main/a", "build", "1", "build"))
    assert pods(library("task", name="build"), past) == {"task": ["1"]}
    assert pods(library("task", "other", name="build"), past) == {}


def test_a_workflow_that_is_named_like_its_library_has_none_of_its_attempts() -> None:
    past = run(ran("main/a", "task", "own"), ran("main/b", "build", "library", "build"), family="build")
    assert pods(library("task", name="build"), past)["task"] == ["library", "own"]
    assert pods(library("build", "task", name="other"), past) == {}
    assert pods(main(step("a")), run(ran("lib/g/a", "op", "1", "lib"))) == {}


def test_attempts_that_a_cache_has_saved_do_not_count_and_doubtful_ones_are_partial() -> None:
    done, loaded, unknown = (ran("g/a", "op", pod) for pod in ("done", "loaded", "unknown"))
    steps = (
        msgspec.structs.replace(done, lookup=Lookup(hit=False)),
        msgspec.structs.replace(loaded, fate="loaded", lookup=Lookup(hit=True)),
        msgspec.structs.replace(unknown, lookup=Lookup(hit=None)),
    )
    tries = profiles_of(main(step("a")), [run(*steps)])["op"].tries
    assert [(one.pod, one.partial) for one in tries or ()] == [("done", False), ("unknown", True)]
