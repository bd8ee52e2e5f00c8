"""Steps that were declared pure are looked up in the artifact cache, and kept there."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from couler_plugins import optimize
from couler_plugins.caching.artifacts import ArtifactCache, open_cache
from couler_plugins.caching.report import report
from couler_plugins.options.rows import Row
from couler_plugins.running.local.caching import Opening
from couler_plugins.runs.history_format import recorded_runs
from running.local.running import STARTED, Ran, runs, script, workflow
from support import first_of

pytestmark = pytest.mark.sampled

PURE = "{annotations: {couler.io/cache: pure}}"
MAIN = """
dag:
  tasks:
  - {name: a, template: one, arguments: {parameters: [{name: v, value: a}]}}
  - {name: b, template: file, depends: a, arguments: {parameters: [{name: v, value: "{{tasks.a.outputs.result}}b"}]}}
  - name: c
    template: last
    depends: b
    arguments: {artifacts: [{name: in, from: "{{tasks.b.outputs.artifacts.out}}"}]}
outputs: {parameters: [{name: all, valueFrom: {parameter: "{{tasks.c.outputs.parameters.p}}"}}]}
"""
INPUT = "{parameters: [{name: v}]}"
ONE = script(f"echo a >> {STARTED}\necho {{{{inputs.parameters.v}}}}", inputs=INPUT, metadata=PURE)
FILE = script(
    f"echo b >> {STARTED}\nmkdir /tmp/out; echo {{{{inputs.parameters.v}}}} > /tmp/out/x",
    inputs=INPUT,
    outputs="{artifacts: [{name: out, path: /tmp/out}]}",
    metadata=PURE,
)
LAST = script(
    f"echo c >> {STARTED}\ncat /mnt/in/x > /tmp/p",
    inputs="{artifacts: [{name: in, path: /mnt/in}]}",
    outputs="{parameters: [{name: p, valueFrom: {path: /tmp/p}}]}",
    metadata=PURE,
)
TEXT = workflow(MAIN, one=ONE, file=FILE, last=LAST)


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[ArtifactCache]:
    with contextlib.closing(open_cache(folder)) as cache:
        yield cache


@pytest.fixture
def opening(tmp_path: Path) -> Opening:
    return partial(opened, tmp_path / "cache")


def started(ran: Ran) -> str:
    log = ran.folder / "started"
    return "".join(log.read_text().split()) if log.exists() else ""


def test_a_second_run_executes_nothing(tmp_path: Path, opening: Opening) -> None:
    first = runs(TEXT, tmp_path / "one", opening=opening)
    assert (first.well, first.outputs, started(first)) == (True, {"all": "ab"}, "abc")
    second = runs(TEXT, tmp_path / "two", run="other", opening=opening)
    assert (second.well, second.outputs, started(second)) == (True, {"all": "ab"}, "")
    assert (second.status.done, second.status.steps) == (3, 3)
    assert '"fate":"loaded"' in (second.folder / "records.jsonl").read_text()


def test_a_report_counts_what_a_second_run_did_not_execute(tmp_path: Path, opening: Opening) -> None:
    text = TEXT.replace(f"    metadata: {PURE}\n", "", 1)  # `a` is not declared
    folders = [runs(text, tmp_path / name, run=name, opening=opening).folder for name in ("one", "two")]
    found = [run for folder in folders for run in recorded_runs(json.loads((folder / "history.json").read_text()))]
    rows = report(found).steps
    assert {(row.step, row.runs, row.hits, row.misses) for row in rows} == {("main/b", 2, 1, 1), ("main/c", 2, 1, 1)}
    for row in rows:
        assert row.seconds_saved is not None
        assert row.seconds_spent is not None
        assert row.seconds_saved > 0
        assert row.seconds_spent > 0


def test_what_is_loaded_is_recorded_and_taken_up(tmp_path: Path, opening: Opening) -> None:
    runs(TEXT, tmp_path / "one", opening=opening)
    runs(TEXT, tmp_path / "two", opening=opening)
    again = runs(TEXT, tmp_path / "two")
    assert (again.outputs, started(again)) == ({"all": "ab"}, "")


@pytest.mark.parametrize(("word", "again"), [("in", "a"), ("out", "a"), ("in,out", "abc")])
def test_a_step_with_a_place_is_executed_since_nobody_looks_at_it(
    tmp_path: Path, opening: Opening, word: str, again: str
) -> None:
    """Where it has no key and writes, its value does not tell those after it what it has written."""
    text = TEXT.replace(PURE, PURE.replace("pure", f'pure, couler.io/cache-place.v: "{word}"'), 1)
    assert [started(runs(text, tmp_path / name, opening=opening)) for name in ("one", "two")] == ["abc", again]


@pytest.mark.parametrize(
    ("change", "executed"),
    [
        (lambda text: text.replace("value: a}", "value: z}"), "abc"),
        (lambda text: text.replace("cat /mnt/in/x >", "cat /mnt/in/x | cat >"), "c"),
        (lambda text: text.replace("echo a >>", "echo a  >>"), "abc"),
        (lambda text: text.replace("name: w}", "name: w, labels: {a: b}}"), ""),
        (lambda text: text.replace("couler.io/cache: pure", "couler.io/cache: never"), "abc"),
    ],
    ids=["an input", "a program", "a program with the same result", "a label", "never"],
)
def test_what_counts_is_in_the_key(
    tmp_path: Path, opening: Opening, change: Callable[[str], str], executed: str
) -> None:
    runs(TEXT, tmp_path / "one", opening=opening)
    assert change(TEXT) != TEXT
    assert started(runs(change(TEXT), tmp_path / "two", opening=opening)) == executed


def test_words_are_waived_by_a_declaration_of_the_step_or_by_name(tmp_path: Path, opening: Opening) -> None:
    text = TEXT.replace("echo a >>", "echo $RANDOM > /dev/null; echo a >>")
    assert started(runs(text, tmp_path / "one", opening=opening)) == "abc"
    assert started(runs(text, tmp_path / "two", opening=opening)) == ""
    allowed = "{annotations: {couler.io/cache: pure, couler.io/cache-allow: random}}"
    named = text.replace(PURE, allowed, 1)
    assert started(runs(named, tmp_path / "three", opening=opening)) == "abc"  # the words are in the key
    assert started(runs(named, tmp_path / "four", opening=opening)) == ""


def test_who_was_not_declared_runs_and_what_follows_by_value_is_reused(tmp_path: Path, opening: Opening) -> None:
    text = TEXT.replace(f"    metadata: {PURE}\n", "", 1)
    assert text != TEXT
    for number, executed in enumerate(("abc", "abc")):
        ran = runs(text, tmp_path / str(number), opening=opening)
        assert ran.outputs == {"all": "ab"}
        assert set(started(ran)) <= set(executed)
        assert "a" in started(ran)


def test_another_interpreter_is_another_key(tmp_path: Path, opening: Opening, monkeypatch: pytest.MonkeyPatch) -> None:
    from couler_plugins.running.local import caching

    runs(TEXT, tmp_path / "one", opening=opening)
    monkeypatch.setattr(caching, "identity_of", lambda command, environment: f"another {command}")
    assert started(runs(TEXT, tmp_path / "two", opening=opening)) == "abc"


@pytest.mark.parametrize("name", first_of(["HOME", "LANG", "LC_ALL", "TZ", "PATH"]))
def test_what_a_step_gets_of_our_environment_is_in_the_key(
    tmp_path: Path, opening: Opening, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    before = os.environ["PATH"]
    if name != "PATH":
        monkeypatch.delenv(name, raising=False)
    runs(TEXT, tmp_path / "one", opening=opening)
    monkeypatch.setenv(name, f"{before}:/nowhere" if name == "PATH" else "")
    assert started(runs(TEXT, tmp_path / "two", opening=opening)) == "abc"


def test_what_a_step_does_not_get_is_in_no_key(
    tmp_path: Path, opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs(TEXT.replace("echo {{", "echo $PYTHONPATH $X {{"), tmp_path / "one", opening=opening)
    for name in ("PYTHONPATH", "PYTHONSTARTUP", "X"):
        monkeypatch.setenv(name, "text")
    ran = runs(TEXT.replace("echo {{", "echo $PYTHONPATH $X {{"), tmp_path / "two", opening=opening)
    assert (started(ran), ran.outputs) == ("", {"all": "ab"})


def test_a_store_that_fails_is_a_miss_and_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    @contextlib.contextmanager
    def broken() -> Iterator[ArtifactCache]:
        raise OSError(5, "the store is away")
        yield

    with caplog.at_level(logging.WARNING):
        ran = runs(TEXT, tmp_path, opening=broken)
    assert (ran.well, ran.outputs, started(ran)) == (True, {"all": "ab"}, "abc")
    assert "going on without the cache" in caplog.text


def test_what_asks_an_engine_to_cache_is_no_matter_here(tmp_path: Path, opening: Opening) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(TEXT.replace("name: w}", "generateName: w-}"))
    optimized = optimize(file, pipeline="cache{via=memoize}").text
    assert "memoize" in optimized
    first = runs(optimized, tmp_path / "one", opening=opening)
    second = runs(optimized, tmp_path / "two", opening=opening)
    assert (first.well, first.outputs, started(first), started(second)) == (True, {"all": "ab"}, "abc", "")


def test_what_failed_is_not_kept(tmp_path: Path, opening: Opening) -> None:
    text = TEXT.replace("cat /mnt/in/x > /tmp/p", "cat /mnt/in/x > /tmp/p; exit 4")
    for number in range(2):
        ran = runs(text, tmp_path / str(number), opening=opening)
        assert (ran.well, started(ran)[-1]) == (False, "c")


def test_a_retried_step_is_kept_once_it_has_succeeded(tmp_path: Path, opening: Opening) -> None:
    flaky = script(
        f"echo x >> {STARTED}\ntest $(wc -l < {STARTED}) -ge 2\necho {{{{inputs.parameters.v}}}}",
        inputs=INPUT,
        metadata=PURE,
        retryStrategy="{limit: 3}",
    )
    main = """
steps:
- - {name: a, template: flaky, arguments: {parameters: [{name: v, value: q}]}}
outputs: {parameters: [{name: o, valueFrom: {parameter: "{{steps.a.outputs.result}}"}}]}
"""
    first = runs(workflow(main, flaky=flaky), tmp_path / "one", opening=opening)
    second = runs(workflow(main, flaky=flaky), tmp_path / "two", opening=opening)
    assert (first.outputs, second.outputs, started(second)) == ({"o": "q"}, {"o": "q"}, "")


def test_many_that_wait_for_the_cache_do_not_wait_for_each_other(tmp_path: Path, opening: Opening) -> None:
    main = """
steps:
- - name: a
    template: file
    withItems: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    arguments: {parameters: [{name: v, value: "{{item}}"}]}
"""
    text = workflow(main, file=FILE)
    for number, executed in enumerate(("b" * 12, "")):
        ran = runs(text, tmp_path / str(number), opening=opening, parallel=12)
        assert (ran.well, started(ran)) == (True, executed), ran.status


def test_rows_of_the_settings_declare_steps(tmp_path: Path, opening: Opening) -> None:
    plain = TEXT.replace("couler.io/cache: pure", "")
    rows = [Row("couler.toml:1", {"task": ("one", "file")}, {"pure": True})]
    assert started(runs(plain, tmp_path / "one", opening=opening, rows=rows)) == "abc"
    assert started(runs(plain, tmp_path / "two", run="other", opening=opening, rows=rows)) == "c"
    assert started(runs(plain, tmp_path / "three", run="third", opening=opening)) == "abc"
