"""`couler report` on histories that `couler history fetch` has written of Argo, and the example of its page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import argo_histories
from argo_histories import Spec
from cli.conftest import Couler
from pluginbox import PluginBox
from support import ROOT

PAGE = (ROOT / "docs" / "report.md").read_text(encoding="utf-8") if (ROOT / "docs" / "report.md").exists() else ""


def smaller(content: Spec) -> None:
    """Change what `rightsize` changes."""
    for template in content["templates"][1:]:
        template["container"]["resources"]["requests"] = {"cpu": "1", "memory": "2Gi"}


def retried(content: Spec) -> None:
    """Change what `guard` changes."""
    content["templates"][2]["retryStrategy"] = {"limit": 2}


def queued(content: Spec) -> None:
    """Change what `queue` changes."""
    content["templates"][2]["metadata"] = {"labels": {"kueue.x-k8s.io/queue-name": "team"}}


def edited(content: Spec) -> None:
    """Change what nobody but an owner changes."""
    content["templates"][2]["container"]["image"] = "j"


@pytest.fixture
def fetched(couler_command: Couler, plugin_box: PluginBox) -> Callable[..., Couler]:
    """Writes a history, and returns what runs `couler report` on it."""
    for engine in ("argo", "tekton", "airflow", "kfp"):
        plugin_box.declare(f"{engine}-engine", f"couler_{engine}.plugin")
    plugin_box.declare("caches", "couler_plugins.caching.plugin")

    def fetch(document: Any) -> Couler:
        Path("runs.json").write_text(json.dumps(document), encoding="utf-8")
        Path("history.jsonl").unlink(missing_ok=True)
        done = couler_command("history", "fetch", "--from", "runs.json", "-o", "history.jsonl")
        assert done.exit_code == 0, done.output
        return lambda *arguments: couler_command("report", "--history", "history.jsonl", *arguments)

    return fetch


def comparison(report: Couler, *arguments: str) -> dict[str, Any]:
    done = report("--json", *arguments)
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert record["schema"] == "couler.report/v1"
    (one,) = record["comparisons"]
    return dict(one)


def figure(record: dict[str, Any], name: str) -> dict[str, Any]:
    return next(dict(one["effect"]) for one in record["figures"] if one["name"] == name)


def smaller_and_retried(content: Spec) -> None:
    smaller(content)
    retried(content)


def smaller_and_edited(content: Spec) -> None:
    smaller(content)
    edited(content)


@pytest.mark.parametrize(
    ("change", "optimizers", "is_edit"),
    [
        (smaller, ["rightsize"], False),
        (retried, ["guard"], False),
        (queued, ["queue"], False),
        (edited, [], True),
        (smaller_and_retried, ["guard", "rightsize"], False),
        (smaller_and_edited, ["rightsize"], True),
    ],
)
def test_optimizers_whose_settings_changed_are_named(
    fetched: Callable[..., Couler], change: Callable[[Spec], None], optimizers: list[str], is_edit: bool
) -> None:
    record = comparison(fetched(argo_histories.history(change, before=6, after=6)))
    assert (record["optimizers"], record["is_edit"]) == (optimizers, is_edit)
    assert (record["runs_before"], record["runs_after"]) == (6, 6)
    caveats = " ".join(record["caveats"])
    assert ("at once" in caveats) == (len(optimizers) > 1)
    assert ("itself was edited" in caveats) == is_edit


def test_parameters_and_names_of_runs_are_no_version(fetched: Callable[..., Couler]) -> None:
    document = argo_histories.history(lambda _: None)
    for number, item in enumerate(document["items"]):
        item["spec"]["arguments"] = {"parameters": [{"name": "day", "value": str(number)}]}
    done = fetched(document)("--json")
    record = json.loads(done.stdout)
    assert record["comparisons"] == []
    (gap,) = record["gaps"]
    assert "all runs are of one version" in gap["reason"]


def test_faster_and_cheaper_runs_are_found(fetched: Callable[..., Couler]) -> None:
    record = comparison(fetched(argo_histories.history(smaller, 0.88)))
    duration, cores = figure(record, "duration"), figure(record, "core-hours")
    assert duration["high"] < 0
    assert duration["change"] == pytest.approx(-0.12, abs=0.05)
    assert cores["change"] == pytest.approx(-0.75, abs=0.03)
    assert figure(record, "failed runs")["change"] == 0
    assert {one["name"] for one in record["steps"]} == {"main/fetch", "main/train"}


def test_equal_runs_are_no_change(fetched: Callable[..., Couler]) -> None:
    record = comparison(fetched(argo_histories.history(retried)))
    duration = figure(record, "duration")
    assert duration["low"] < 0 < duration["high"]


def test_failures_and_hits_are_compared(fetched: Callable[..., Couler]) -> None:
    document = argo_histories.history(retried, before=0, after=0)
    plain, guarded = argo_histories.spec(), argo_histories.spec()
    retried(guarded)
    for number in range(40):
        content = plain if number < 20 else guarded
        hit = "fetch" if number >= 20 and number % 2 else ""
        is_failure = number < 20 and number % 2 == 0
        document["items"].append(
            argo_histories.workflow(number, content, {"fetch": 60, "train": 600}, failed=is_failure, hit=hit)
        )
    record = comparison(fetched(document))
    failed, cached = figure(record, "failed runs"), figure(record, "results from the cache")
    assert (failed["before"], failed["after"], failed["runs_before"]) == (0.5, 0.0, 20)
    assert failed["high"] < 0
    assert (cached["before"], cached["after"]) == (0.0, 0.25)
    assert figure(record, "duration")["runs_before"] == 10


def test_a_fused_step_is_compared_with_its_parts(fetched: Callable[..., Couler]) -> None:
    document = argo_histories.history(lambda _: None, after=0)
    fused = argo_histories.spec()
    fused["templates"][0]["dag"]["tasks"] = [{"name": "both", "template": "both"}]
    metadata = {"annotations": {"couler.io/fused-steps": "fetch,train"}}
    fused["templates"] = [fused["templates"][0], {**fused["templates"][2], "name": "both", "metadata": metadata}]
    document["items"] += [argo_histories.workflow(20 + n, fused, {"both": 1000 + n}) for n in range(20)]
    record = comparison(fetched(document))
    assert record["optimizers"] == ["fuse", "rightsize"]  # the pods of the steps that are gone had requests
    assert any("fuse may have done that" in text for text in record["caveats"])
    assert any("settings of steps that came or went" in text for text in record["caveats"])
    (step,) = record["steps"]
    assert step["name"] == "main/fetch+train"
    assert step["effect"]["before"] == pytest.approx(1200, rel=0.05)


def test_one_side_and_few_runs_are_said(fetched: Callable[..., Couler]) -> None:
    record = comparison(fetched(argo_histories.history(retried, before=3, after=1)))
    assert figure(record, "duration")["low"] is None
    assert "fewer than 5 runs" in record["caveats"][0]
    text = fetched(argo_histories.history(retried, before=3, after=0))().stdout
    assert text == "nightly (argo): all runs are of one version: there is nothing to compare yet (3 runs)\n"


def without(path: Path, *fields: str) -> None:
    """Take fields out of a history, as older programs have written it."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    text = "".join(json.dumps({key: item for key, item in one.items() if key not in fields}) + "\n" for one in lines)
    path.write_text(text, encoding="utf-8")


def test_histories_from_before_are_read(fetched: Callable[..., Couler]) -> None:
    report = fetched(argo_histories.history(smaller))
    without(Path("history.jsonl"), "layers")
    record = comparison(report)
    assert (record["optimizers"], record["is_edit"]) == (None, None)
    assert "does not say which optimizers" in " ".join(record["caveats"])
    without(Path("history.jsonl"), "version")
    text = report().stdout
    hint = "give the time of the change with --at, or fetch them again if their engine tells versions"
    assert f"40 of 40 runs have no version, and are left out: {hint}\n" in text
    record = comparison(report, "--at", "2026-10-21")
    assert (record["runs_before"], record["runs_after"], record["optimizers"]) == (20, 20, None)
    title = "nightly (argo): before and after 2026-10-21 06:30"
    at = ("--at", "2026-10-21T08:30+02:00")
    assert report(*at).stdout.splitlines()[0] == title
    quoted = title.replace("(", "\\(").replace(")", "\\)")
    assert report(*at, "--format", "markdown").stdout.splitlines()[0] == f"### {quoted}"


def test_a_time_that_is_none_has_examples_of_both_kinds(fetched: Callable[..., Couler]) -> None:
    done = fetched(argo_histories.history(smaller, before=1, after=1))("--at", "gestern")
    assert (done.exit_code, "'gestern' is not a time such as 90s, 24h, 7d or 2026-11-01" in done.stderr) == (2, True)


@pytest.mark.parametrize("output_format", ["text", "markdown"])
def test_differences_have_their_unit(fetched: Callable[..., Couler], output_format: str) -> None:
    document = argo_histories.history(retried, before=0, after=0)
    for number in range(12):
        content = argo_histories.spec()
        if number > 5:
            retried(content)
        seconds = {"fetch": 0 if number < 6 else 4000 + number % 6, "train": 600}
        document["items"].append(argo_histories.workflow(number, content, seconds))
    lines = fetched(document)("--format", output_format).stdout.splitlines()
    (line,) = (line for line in lines if "main/fetch" in line)
    assert "+4,002 s" in line.replace("\\", "")
    assert re.search(r"\+4,00\d s to \+4,00\d s", line)


def test_a_history_of_both_ages_has_no_change_where_the_program_changed(fetched: Callable[..., Couler]) -> None:
    report = fetched(argo_histories.history(lambda _: None))
    path = Path("history.jsonl")
    lines = path.read_text(encoding="utf-8").splitlines()
    old = [json.dumps({key: item for key, item in json.loads(line).items() if key != "layers"}) for line in lines[:20]]
    path.write_text("\n".join([*old, *lines[20:], ""]), encoding="utf-8")
    assert "all runs are of one version" in report().stdout


def test_an_empty_history_is_bad_input(fetched: Callable[..., Couler]) -> None:
    report = fetched(argo_histories.history(smaller, before=1, after=1))
    assert report("--since", "2099-01-01").stdout == "The history has no run that has ended.\n"
    Path("history.jsonl").write_text("", encoding="utf-8")
    done = report()
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_a_history_has_to_be_named(couler_command: Couler) -> None:
    done = couler_command("report")
    assert done.exit_code == 2
    assert "--history" in done.stderr


def test_another_workflow_is_a_usage_error(fetched: Callable[..., Couler]) -> None:
    done = fetched(argo_histories.history(smaller))("hourly")
    assert done.exit_code == 2
    assert "no run of hourly, only of nightly" in done.stderr


def test_names_of_others_are_no_markdown(fetched: Callable[..., Couler]) -> None:
    document = argo_histories.history(retried, before=0, after=0)
    for number in range(12):
        content = argo_histories.spec()
        if number > 5:
            retried(content)
        run = argo_histories.workflow(number, content, {"fetch": 60, "train": 600}, family="<b>|x](http)")
        document["items"].append(run)
    text = fetched(document)("--format", "markdown").stdout
    assert "<b>" not in text.replace("\\<", "")
    assert text.startswith("### \\<b\\>\\|x\\]\\(http\\)")


@pytest.mark.parametrize("output_format", ["text", "markdown", "json"])
def test_names_of_workflows_have_no_secrets(fetched: Callable[..., Couler], output_format: str) -> None:
    report = fetched(argo_histories.history(retried, before=6, after=6))
    path = Path("history.jsonl")
    path.write_text(path.read_text("utf-8").replace('"nightly"', '"nightly token=abcdefgh"'), "utf-8")
    for arguments in ((), ("nightly token=abcdefgh",), ("hourly",)):
        done = report("--format", output_format, *arguments)
        assert (done.exit_code, "nightly" in done.output) == (2 * (arguments == ("hourly",)), True)
        assert "abcdefgh" not in done.output


@pytest.mark.parametrize("output_format", ["text", "markdown"])
def test_names_of_layers_do_not_move_the_cursor(fetched: Callable[..., Couler], output_format: str) -> None:
    report = fetched(argo_histories.history(retried, before=6, after=6))
    path = Path("history.jsonl")
    path.write_text(path.read_text("utf-8").replace('"guard"', '"\\u001b[2J\\n"'), "utf-8")
    done = report("--format", output_format)
    assert (done.exit_code, "\x1b" in done.stdout, "x1b" in done.stdout.splitlines()[0]) == (0, False, True)


def test_the_page_shows_what_is_printed(fetched: Callable[..., Couler]) -> None:
    command, _, shown = PAGE.split("```console\n$ couler ")[1].split("```")[0].partition("\n")
    assert command == "report --history history.jsonl"
    assert fetched(argo_histories.history(smaller, 0.88))().stdout.rstrip() == shown.rstrip()
    # Whoever changes what a history keeps of these runs writes the example again.
    example = (ROOT / "examples" / "history.jsonl").read_text("utf-8")
    assert Path("history.jsonl").read_text("utf-8") == example
    assert set(re.findall(r"`--(\w+)`", PAGE)) <= {"at", "since", "seed", "json", "format", "history", "engine"}
