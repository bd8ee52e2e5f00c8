"""Histories of one run a line: what is read of a damaged one, and what becomes of runs that are added twice."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from couler_plugins.documents import read
from couler_plugins.driver.context import read_runs
from couler_plugins.errors import InvalidInput
from couler_plugins.plugins import load_plugins
from couler_plugins.runs import Attempt, ContainerUse, Lookup, Run, StepRun
from couler_plugins.runs.history_file import HistoryFile, distinct, line_of, read_line, read_lines
from couler_plugins.runs.history_format import document_of, recorded_runs, runs_in_document
from couler_plugins.runs.usage import container_use

USE = ContainerUse(container="main", memory=1 << 30, cpu=0.5, memory_request=4 << 30)
ATTEMPT = Attempt(start=100.0, end=160.0, succeeded=True, exit_code=0, pod="p", node="n", containers=(USE,))
LOOKUP = Lookup(hit=False, key="k", seconds=60.0)


def step(name: str = "main/fit", **more: Any) -> StepRun:
    fields: dict[str, Any] = {"type": "fit", "spec": "s", "key": "k", "seconds": 60.0, "tries": (ATTEMPT,)}
    return StepRun(step=name, **(fields | more))


def run(name: str = "nightly-1", **more: Any) -> Run:
    steps = (step("main/load", lookup=LOOKUP), step(parents=(0,)))
    fields: dict[str, Any] = {"family": "nightly", "engine": "argo", "uid": f"u-{name}", "steps": steps, "at": 200.0}
    return Run(name=name, **(fields | more))


def changed(text: str, new: str) -> bytes:
    line = line_of(run()).decode()
    assert text in line
    return line.replace(text, new, 1).encode()


def read_back(content: bytes, file: str = "h.jsonl") -> list[Run]:
    return [one for document in read(content, file).documents for one in runs_in_document(document)]


def test_what_is_written_is_read_again() -> None:
    history = HistoryFile()
    assert history.add([run("a"), run("b")]) == (2, 0, 0)
    assert read_back(history.content) == [run("a"), run("b")]
    assert read_back(history.content, "<stdin>") == [run("a"), run("b")]
    assert read_back(history.content.replace(b"\n", b"\r\n")) == [run("a"), run("b")]
    first = json.loads(history.content.splitlines()[0])
    assert first["schema"] == "couler.run/v1"
    assert "version" not in first  # what is not known is not written
    assert "bytes" not in first["steps"][0]


def test_the_document_of_the_local_engine_is_read_too() -> None:
    document = json.loads(json.dumps(document_of([run()])))
    assert recorded_runs(document) == [run()]
    for item in document["runs"]:
        del item["schema"]  # as it was written before
    assert recorded_runs(document) == [run()]
    document["runs"][0]["steps"][0]["parents"] = [1]
    with pytest.raises(InvalidInput, match="step 0 comes after itself"):
        recorded_runs(document)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "truncated"),
        (b"nonsense secret", "malformed"),
        (b"[]", r"Expected `object`"),
        (changed('"family":"nightly"', '"family":7'), r"Expected `str`, got `int` - at `\$.family`"),
        (changed("couler.run/v1", "couler.run/secret"), r"Invalid value - at `\$.schema`"),
        (changed('"step":"main/load"', '"fate":"secret","step":"a"'), r"Invalid enum value - at"),
        (changed('"memory":1073741824', '"memory":-1'), r"`int` >= 0"),
        (changed('"memory":1073741824', f'"memory":{"9" * 400}'), r"`int` <= 1"),
        (changed('"start":100.0', '"start":1e300'), r"`float` <= 1"),
        (changed('"start":100.0', '"start":NaN'), "malformed"),
        (changed('"end":160.0', '"end":-5.0'), r"`float` >= 0"),
        (changed('"parents":[0]', '"parents":[1]'), "step 1 comes after itself"),
        (changed('"parents":[0]', '"parents":[-1]'), "step 1 comes after itself"),
        (changed("main/load", "main\\u001b[2Jsecret"), "a name in it cannot be shown"),
        (changed("main/load", "main\u202esecret"), "a name in it cannot be shown"),
        (changed("main/load", "m" * (1 << 21)), "length <= "),
        (b'{"family":"\xff"}', "not UTF-8"),
        (b"[" * 100_000, "nested too deeply|Expected `object`"),
    ],
)
def test_a_damaged_line_is_named_and_costs_no_other(line: bytes, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    found = read_back(b"\n".join([line_of(run("a")), b"", line, line_of(run("b")), b""]))
    assert found == [run("a"), run("b")]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message.startswith("h.jsonl:3: this line is left out: ")
    assert "secret" not in record.message
    with pytest.raises(InvalidInput, match=reason):
        read_line(line)


def test_many_damaged_lines_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    assert read_back(b"{\n" * 50 + line_of(run())) == [run()]
    assert [record.message for record in caplog.records[4:]] == [
        "h.jsonl:5: this line is left out: Input data was truncated",
        "h.jsonl: 45 more lines are left out",
    ]


def test_a_file_without_a_run_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="none of its lines is a run"):
        read_back(b'{"schema": "couler.airflow-runs/v1"}\n')
    assert read_back(b"\n\n") == []


def test_names_with_quotes_and_other_letters_are_fine() -> None:
    one = run(steps=(step('main/fit(0:{"a":"ü"})'),))
    assert read_back(line_of(one)) == [one]


def test_names_that_cannot_be_shown_are_written_escaped() -> None:
    odd = run(steps=(step("main/fit(0:a\nb\x1b[2J)"),))
    history = HistoryFile()
    assert history.add([odd, odd]) == (1, 0, 1)
    (found,) = read_back(history.content)
    assert found.steps[0].step == "main/fit(0:a\\nb\\x1b[2J)"
    assert HistoryFile(read_lines(history.content, "h")).add([odd]) == (0, 0, 1)


def test_an_end_before_its_start_leaves_both_unknown() -> None:
    skewed = run(steps=(step(tries=(ATTEMPT, Attempt(start=100.0, end=99.0, succeeded=False))),))
    (found,) = read_back(line_of(skewed))
    assert found.steps[0].tries == (ATTEMPT, Attempt(succeeded=False))


def test_of_histories_that_were_put_together_a_run_counts_once() -> None:
    older = run("a", steps=(step(tries=()),))
    assert read_back(b"\n".join(map(line_of, (older, run("b"), run("a"))))) == [run("a"), run("b")]


def test_a_run_in_several_files_counts_once() -> None:
    less = run("a", steps=(step(tries=()),))
    unnamed = run(uid="")
    assert distinct([less, run("a"), less, run("a", engine="kfp"), unnamed, unnamed]) == [
        run("a"),
        run("a", engine="kfp"),
        unnamed,
        unnamed,
    ]


def test_amounts_that_no_machine_has_are_left_out() -> None:
    huge = {"requests": {"memory": "1e30", "cpu": "1e20"}, "limits": {"memory": "16E", "cpu": 2}}
    assert container_use("main", huge) == ContainerUse(container="main", cpu_limit=2.0)


def test_unknown_fields_are_passed_over() -> None:
    assert read_back(changed('"family"', '"colour":"red","family"')) == [run()]


def test_a_run_that_is_added_twice_is_there_once() -> None:
    history = HistoryFile()
    history.add([run("a")])
    before = history.content
    assert HistoryFile(read_lines(before, "h")).add([run("a"), run("b"), run("b")]) == (1, 0, 2)
    assert history.add([run("a")]) == (0, 0, 1)
    assert history.content == before


def test_runs_without_an_identifier_are_told_apart_by_names_and_end() -> None:
    history = HistoryFile()
    nameless = run("", uid="", at=0.0)
    other = run("", uid="", at=0.0, steps=(step("other"),))
    several = [run("a", uid=""), run("a", uid="", at=300.0), run("a", uid="", engine="tekton"), nameless, other]
    assert history.add([*several, *several]) == (5, 0, 5)


@pytest.mark.parametrize("uid", ["u", ""])
def test_a_run_that_went_on_is_replaced_once_it_has_ended(uid: str) -> None:
    history = HistoryFile()
    history.add([run("other"), run("a", uid=uid, at=150.0, steps=(step(fate="pending", tries=()),)), run("b")])
    history = HistoryFile(read_lines(history.content, "h"))
    ended = run("a", uid=uid, at=200.0, steps=(step(tries=()),))
    assert history.add([ended]) == (0, 1, 0)
    assert list(history.runs) == [run("other"), ended, run("b")]
    assert history.add([run("a", uid=uid, at=150.0, steps=(step(fate="pending"),))])[1] == 0


def test_a_line_is_replaced_by_what_knows_more_and_never_by_what_knows_less() -> None:
    bare = run(steps=(step(tries=(Attempt(start=100.0, end=160.0),)),))
    history = HistoryFile()
    history.add([bare])
    assert history.needs(bare)
    assert history.add([run()]) == (0, 1, 0)
    assert history.add([bare]) == (0, 0, 1)
    assert list(history.runs) == [run()]
    assert not history.needs(bare)


def test_a_run_that_was_repeated_in_place_takes_the_place_of_its_line() -> None:
    history = HistoryFile()
    history.add([run()])
    again = run(at=900.0, steps=(step(tries=()),))
    assert history.add([again]) == (0, 1, 0)
    assert history.add([run()]) == (0, 0, 1)
    assert history.runs == [again]


def test_lines_that_are_not_understood_stay_as_they_are() -> None:
    content = b'{"of": "a later version"}\n' + line_of(run("a")).replace(b'"family"', b'"new":1,"family"') + b"\n"
    history = HistoryFile(read_lines(content, "h"))
    assert history.add([run("a"), run("b")]) == (1, 0, 1)
    assert history.content == content + line_of(run("b")) + b"\n"


def test_a_run_that_could_not_be_read_again_is_not_written(caplog: pytest.LogCaptureFixture) -> None:
    history = HistoryFile()
    assert history.add([run("odd", steps=(step(parents=(3,)),)), run("fine")]) == (1, 0, 0)
    assert "the run 'odd' of 'nightly' is left out: step 0 comes after itself" in caplog.text
    assert list(history.runs) == [run("fine")]


def test_runs_of_one_engine_are_chosen_from_a_history() -> None:
    runs = [run(engine, engine=engine) for engine in ("argo", "tekton")]
    (document,) = read(json.dumps(document_of(runs)), "history.json").documents
    assert [one.engine for one in read_runs([document], load_plugins(), "tekton")] == ["tekton"]
    assert {one.engine for one in read_runs([document], load_plugins())} == {"argo", "tekton"}
