"""The benchmark of failures replays what guard writes, sees what is repeated in vain, and reads any trace."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks import failures, failures_workflows
from benchmarks.failures_engines import Bound, PlainRetries, Repeats
from benchmarks.failures_faults import RATES, Fault, Faults
from benchmarks.failures_forms import FORMS, Form
from benchmarks.failures_replay import LAUNCH, MEMORY, Ran, Strategy, Work, replay
from couler_plugins.plugins import Plugins

WELL = {"effects_repeated": 0, "deterministic_retried": 0}


class Drawn(Faults):
    """Faults that a test writes down: by step, what hits each of its attempts."""

    def __init__(self, faults: Mapping[int, Sequence[Fault | None]]) -> None:
        self.faults = faults
        self.first = {step: several[0] for step, several in faults.items() if several[0]}

    def of(self, step: int, attempt: int) -> Fault | None:
        return dict(enumerate(self.faults.get(step, ()))).get(attempt)


def form(kind: str, *, began: bool = True) -> Form:
    return next(one for one in FORMS if one.kind == kind and one.began is began)


def fault(kind: str, *, began: bool = True, seconds: float = 1.0) -> Fault:
    return Fault(form(kind, began=began), 0.5 if began else 0.0, seconds)


def chain(*idempotent: bool) -> Work:
    count = len(idempotent)
    return Work("chain", [100.0] * count, [(n - 1,) if n else () for n in range(count)], ["a"] * count, idempotent)


def blind(work: Work, limit: int = 3, delay: float = 0.0) -> PlainRetries:
    return PlainRetries(dict.fromkeys((True, False), Repeats(limit, delay)), work.idempotent)


def test_a_lost_run_wastes_what_succeeded() -> None:
    work = chain(True, True, False)
    ran = replay(work, Drawn({1: [fault("infrastructure")]}), blind(work, 0))
    assert ran == Ran(False, 2 * LAUNCH + 150, failed=LAUNCH + 50, lost=LAUNCH + 100)
    assert ran.wasted == 2 * LAUNCH + 150
    assert work.makespan == 3 * LAUNCH + 300


def test_nothing_starts_after_a_failure_and_what_runs_goes_on() -> None:
    work = Work("wide", [100.0, 10.0, 100.0, 5.0], [(), (), (), (1,)], ["a"] * 4, [True] * 4)
    lost = replay(work, Drawn({1: [fault("infrastructure")]}), blind(work, 0))
    assert (lost.lost, lost.makespan) == (2 * (LAUNCH + 100), LAUNCH + 100)


def test_what_fails_by_itself_fails_again() -> None:
    work = chain(True, True)
    ran = replay(work, Drawn({0: [fault("infrastructure"), fault("deterministic")]}), blind(work))
    assert (ran.completed, ran.vain, ran.effects) == (False, 2, 0)
    assert ran.failed == 4 * (LAUNCH + 50)


def test_effects_are_counted_where_a_program_began_twice() -> None:
    work = chain(False, True, False)
    both = {0: [fault("infrastructure_before_start", began=False)], 1: [fault("infrastructure")]}
    ran = replay(work, Drawn(both), blind(work, delay=30))
    assert (ran.completed, ran.effects, ran.waits, ran.makespan) == (
        True,
        0,
        60.0,
        work.makespan + 60 + 2 * LAUNCH + 50,
    )
    assert replay(work, Drawn({2: [fault("infrastructure")]}), blind(work)).effects == 1


def test_only_more_memory_helps_where_there_was_too_little() -> None:
    work, faults = chain(True), Drawn({0: [fault("out_of_memory")]})
    assert not replay(work, faults, blind(work)).completed
    ran = replay(work, faults, Bound(work.idempotent))
    assert (ran.completed, ran.memory) == (True, MEMORY * (LAUNCH + 100))


@pytest.mark.parametrize(("delay", "completed"), [(0, False), (20, True)])
def test_what_is_throttled_passes_when_the_window_is_over(delay: float, completed: bool) -> None:
    work = chain(True)
    faults = Drawn({0: [fault("throttled", began=False, seconds=60)]})  # attempts at 0, 10 + delay, 20 + 2 delay, …
    assert replay(work, faults, blind(work, 3, delay)).completed is completed


def test_the_bound_saves_what_the_rates_leave() -> None:
    work = Work("wide", [60.0] * 40, [()] * 40, ["a"] * 40, [number % 2 == 0 for number in range(40)])
    runs = [Faults(f"bound:{number}", 40) for number in range(3000)]
    strategies: dict[str, Strategy] = {"completion_without": blind(work, 0), "completion_bound": Bound(work.idempotent)}
    expected = failures.arithmetic([work])
    for key, strategy in strategies.items():
        share = sum(replay(work, faults, strategy).completed for faults in runs) / len(runs)
        assert share == pytest.approx(expected[key], abs=0.03), key
    assert expected["completion_without"] == pytest.approx((1 - sum(RATES.values())) ** 40)
    assert sum(replay(work, faults, Bound(work.idempotent)).effects for faults in runs) == 0


def test_faults_are_the_same_for_all_and_come_as_often_as_is_said() -> None:
    several = [Faults(f"same:{number}", 100) for number in range(2000)]
    assert several[0].first == Faults("same:0", 100).first
    assert several[3].of(5, 2) == Faults("same:3", 100).of(5, 2)
    kinds = [one.form.kind for faults in several for one in faults.first.values()]
    for kind, rate in RATES.items():
        assert kinds.count(kind) / 200_000 == pytest.approx(rate, rel=0.15), kind
    hidden = [one.form for n in range(500) for one in Faults(f"same:{n}", 100, hidden=1.0).first.values()]
    seen_itself = [one for one in hidden if one.began and one.kind in ("infrastructure", "throttled")]
    assert {one.message for one in seen_itself} == {"main: Error (exit code 1)"}


def test_cuts_are_connected_and_half_idempotent() -> None:
    source = failures_workflows._generated("layered")
    work = failures_workflows.cut(source, "one")
    assert 10 <= len(work.seconds) <= 100
    assert sum(work.idempotent) == len(work.seconds) // 2
    assert all(parent < number for number, above in enumerate(work.parents) for parent in above)
    group = list(range(len(work.seconds)))
    for number, above in enumerate(work.parents):
        for parent in above:
            group = [group[parent] if one == group[number] else one for one in group]
    assert len(set(group)) == 1
    assert failures_workflows.cut(source, "one") is not work
    assert failures_workflows.cut(source, "one").parents == work.parents


def trace(folder: Path, name: str, count: int) -> None:
    tasks = [
        {"name": f"t{n}", "id": f"t{n}", "parents": [f"t{n - 1}"] if n else [], "children": []} for n in range(count)
    ]
    took = [{"id": f"t{n}", "runtimeInSeconds": 10} for n in range(count)]
    content = {
        "name": name,
        "schemaVersion": "1.5",
        "workflow": {"specification": {"tasks": tasks}, "execution": {"tasks": took}},
    }
    (folder / f"{name}.json").write_text(json.dumps(content))


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, *more: str, traces: Path | None = None) -> Any:
    out = folder / "figures.json"
    arguments = ["failures", "--quick", "--json", str(out), *more]
    monkeypatch.setattr("sys.argv", [*arguments, *(("--traces", str(traces)) if traces else ())])
    failures.main()
    return json.loads(out.read_text())


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small number of runs, on one engine."""
    monkeypatch.setattr(failures, "QUICK", (2, 1, 10))
    monkeypatch.setattr(failures, "ENGINES", ("tekton",))


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    folder = tmp_path / "traces"
    folder.mkdir()
    for name, count in (("short", 9), ("long", 120), ("other", 40)):
        trace(folder, name, count)
    return folder


@pytest.mark.usefixtures("few")
def test_guard_repeats_no_effect_and_nothing_in_vain(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, traces: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = run(monkeypatch, tmp_path, traces=traces)
    assert "short.json: is left out, as it has only 9 steps" in capsys.readouterr().err
    assert set(figures["traces"]) == {"long", "other"}
    assert {key: figures[key] for key in WELL} == WELL
    assert figures["wrong_forms"] == []
    assert figures["completion_without"] < figures["completion_with"] <= figures["completion_bound"]
    assert figures["wasted_seconds_with"] < figures["wasted_seconds_without"]
    assert figures["baselines"]["retries_3"]["effects_repeated"] > 0
    assert figures["baselines"]["retries_3"]["deterministic_retried"] > 0
    assert figures["engines"]["tekton"]["effects_repeated"] == 0
    assert run(monkeypatch, tmp_path, traces=traces) == figures
    assert run(monkeypatch, tmp_path, "--seed", "7", traces=traces) != figures


@pytest.mark.parametrize(
    ("expression", "effects", "vain"),
    [
        ("true", True, True),
        ("lastRetry.exitCode != '1'", True, True),
        ("lastRetry.message matches '^Pod failed before'", True, False),
        ("lastRetry.message matches '^init: '", False, True),
    ],
)
@pytest.mark.usefixtures("few")
def test_a_guard_that_repeats_too_much_is_seen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, traces: Path, expression: str, effects: bool, vain: bool
) -> None:
    def too_much(document: Mapping[str, Any], pipeline: str, plugins: Plugins) -> Mapping[str, Any]:
        for template in document["spec"]["templates"][1:]:
            template["retryStrategy"] = {"limit": 2, "retryPolicy": "Always", "expression": expression}
        return document

    monkeypatch.setattr(failures, "guarded", too_much)
    figures = run(monkeypatch, tmp_path, traces=traces)
    kinds = {figures["forms"][name]["kind"] == "deterministic" for name in figures["wrong_forms"]}
    assert kinds == {kind for kind, wrong in ((False, effects), (True, vain)) if wrong}
    if expression == "true":
        assert figures["effects_repeated"] > 0
        assert figures["deterministic_retried"] > 0


@pytest.mark.usefixtures("few")
def test_without_the_folder_it_has_workflows_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(failures_workflows, "SHARED", tmp_path)
    monkeypatch.setattr(failures, "QUICK", (1, 1, 2))
    figures = run(monkeypatch, tmp_path)
    assert {key: figures[key] for key in WELL} == WELL
    assert figures["workflows"] == len(figures["traces"]) == 6


@pytest.mark.usefixtures("few")
def test_what_is_no_trace_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "traces"
    folder.mkdir()
    (folder / "some.json").write_text("{}")
    with pytest.raises(SystemExit, match="there is no trace of WfFormat with 10 steps"):
        run(monkeypatch, tmp_path, traces=folder)


@pytest.mark.slow
def test_guard_saves_15_of_100_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(failures_workflows, "SHARED", tmp_path)
    monkeypatch.setattr(failures, "ENGINES", ())
    figures = run(monkeypatch, tmp_path)
    assert {key: figures[key] for key in WELL} == WELL
    assert figures["completion_gain"] >= 0.15


@pytest.mark.airflow
@pytest.mark.slow
def test_every_engine_gains(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, traces: Path) -> None:
    engines = run(monkeypatch, tmp_path, traces=traces)["engines"]
    assert set(engines) == {"argo", "tekton", "kfp", "airflow"}
    assert all(one["completion_gain"] > 0 and one["effects_repeated"] == 0 for one in engines.values())


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_the_picture_has_every_strategy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, traces: Path) -> None:
    pytest.importorskip("matplotlib")
    plot = tmp_path / "figures.svg"
    run(monkeypatch, tmp_path, "--plot", str(plot), traces=traces)
    labels: Iterable[str] = ("guard", "bound", "3 retries of everything", "40 runs of 4 workflows")
    assert all(f"<!-- {label}" in plot.read_text() for label in labels)
