"""What a run costs, beside what optimizers do: the example of docs/cost.md, run as it is there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from couler_plugins.cli.group import couler
from support import ROOT

Couler = Callable[..., Result]
BLOCKS = dict[str, list[str]]
SMALLER = ("nightly.yaml", "-p", "./smaller.py:Smaller")
HISTORY = ("--history", "runs.json")


def blocks() -> BLOCKS:
    """The blocks of code in docs/cost.md, by their language."""
    result: BLOCKS = {}
    for language, text in re.findall(
        r"^```(\w+)\n(.*?)^```$", (ROOT / "docs" / "cost.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    ):
        result.setdefault(language, []).append(text)
    return result


def rows() -> list[tuple[float, float]]:
    """The hours of the table of runs there: of `prepare`, and of `train`."""
    pattern = r"^\| \d \| ([\d.]+) hours? \| ([\d.]+) hours? \|$"
    return [
        (float(prepare), float(train))
        for prepare, train in re.findall(pattern, (ROOT / "docs" / "cost.md").read_text("utf-8"), re.MULTILINE)
    ]


def moment(hours: float) -> str:
    return datetime.fromtimestamp(1_800_000_000 + round(hours * 3600), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def past(number: int, *hours: float) -> dict[str, Any]:
    """A run of the example, as Argo's controller writes it."""
    nodes: dict[str, Any] = {}
    start = number * 24.0
    for name, time in zip(("prepare", "train"), hours, strict=False):
        nodes[name] = {"id": name, "name": f"nightly.{name}", "displayName": name, "type": "Pod", "templateName": name}
        nodes[name] |= {"phase": "Succeeded", "boundaryID": "main", "children": ["train"] if name == "prepare" else []}
        nodes[name] |= {"startedAt": moment(start), "finishedAt": moment(start + time)}
        start += time
    nodes["main"] = {
        "id": "main",
        "displayName": "nightly",
        "type": "DAG",
        "templateName": "main",
        "phase": "Succeeded",
    }
    nodes["main"] |= {"children": ["prepare"]}
    status = {"phase": "Succeeded", "finishedAt": moment(start), "nodes": nodes}
    return {**yaml.safe_load(blocks()["yaml"][0]), "status": status}


def write_history(runs: list[dict[str, Any]]) -> None:
    Path("runs.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": runs}))


@pytest.fixture
def couler_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Couler:
    """Runs `couler` where the files of the example are."""
    monkeypatch.chdir(tmp_path)
    Path("nightly.yaml").write_text(blocks()["yaml"][0])
    Path("couler.toml").write_text(blocks()["toml"][0])
    Path("smaller.py").write_text(blocks()["python"][0])
    write_history([past(number, *hours) for number, hours in enumerate(rows())])
    return lambda *arguments: CliRunner().invoke(couler, arguments, catch_exceptions=False)


def test_the_example_of_the_documentation(couler_there: Couler) -> None:
    assert len(rows()) == 3
    explained, begun = blocks()["text"]
    assert couler_there("explain", *SMALLER, *HISTORY).stdout.endswith(f"\n{explained}")
    assert couler_there("diff", *SMALLER, *HISTORY).stdout.startswith(begun)


def test_its_figures_in_json(couler_there: Couler) -> None:
    [cost] = json.loads(couler_there("explain", *SMALLER, *HISTORY, "--format", "json").stdout)["cost"]
    assert (cost["path"], cost["workflow"], cost["runs"], cost["currency"]) == ("nightly.yaml", "nightly", 3, "USD")
    assert cost["before"] == {
        "core_hours": {"low": 5.3, "median": 8.5, "high": 11.7},
        "gib_hours": {"low": 20.2, "median": 33.0, "high": 45.8},
        "money": {"low": 0.2398, "median": 0.387, "high": 0.5342},
        "grams": {"low": 8.9664, "median": 14.496, "high": 20.0256},
    }
    assert cost["after"]["money"] == {"low": 0.1198, "median": 0.187, "high": 0.2542}
    assert cost["after"]["gib_hours"] == {"low": 8.2, "median": 13.0, "high": 17.8}
    train, prepare = cost["steps"]
    assert train["before"] == {"core_hours": 8.0, "gib_hours": 32.0, "money": 0.368, "grams": 13.824}
    assert train["after"] == {"core_hours": 4.0, "gib_hours": 12.0, "money": 0.168, "grams": 6.144}
    assert (train["step"], train["pool"], train["seconds"]) == ("main/train", "default", 7200.0)
    assert (
        prepare["before"] == prepare["after"] == {"core_hours": 0.5, "gib_hours": 1.0, "money": 0.019, "grams": 0.672}
    )
    assert cost["notes"] == ["1 of 3 steps has no history: not in the total (main/publish)"]
    same = json.loads(couler_there("diff", *SMALLER, *HISTORY, "--format", "json").stdout)
    assert same["cost"] == [cost]


@pytest.mark.parametrize("tool", [("patch", "-p0"), ("git", "apply", "-p0")])
def test_the_diff_stays_a_patch(couler_there: Couler, tool: tuple[str, ...]) -> None:
    if shutil.which(tool[0]) is None:
        pytest.skip(f"needs {tool[0]} on PATH, which applies the patch")
    diff = couler_there("diff", *SMALLER, *HISTORY).stdout
    assert diff.startswith("# cost of a run")
    expected = couler_there("optimize", *SMALLER).stdout
    subprocess.run(tool, input=diff, text=True, check=True, capture_output=True)
    assert Path("nightly.yaml").read_text() == expected


def test_without_history_nothing_is_shown(couler_there: Couler) -> None:
    assert "Cost" not in couler_there("explain", *SMALLER).stdout
    assert couler_there("diff", *SMALLER).stdout.startswith("--- nightly.yaml\n")
    for command in ("explain", "diff"):
        assert "cost" not in json.loads(couler_there(command, *SMALLER, "--format", "json").stdout)


@pytest.mark.parametrize("scale", ["nan", "inf", "1e308", "0"])
def test_an_input_scale_is_a_number_to_multiply_by(couler_there: Couler, scale: str) -> None:
    result = couler_there("explain", "nightly.yaml", *HISTORY, "--input-scale", scale)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Invalid value for '--input-scale'" in result.stderr


def test_a_diff_without_a_change_is_empty(couler_there: Couler) -> None:
    """Scripts ask whether it is."""
    assert couler_there("diff", "nightly.yaml", "-p", "dedupe", *HISTORY).stdout == ""
    explained = couler_there("explain", "nightly.yaml", "-p", "dedupe", *HISTORY).stdout
    assert re.search(r"a run +5\.3–11\.7 +20\.2–45\.8 +0\.24–0\.534 +8\.97–20\n", explained)


def test_a_change_of_something_else_says_nothing_of_costs(couler_there: Couler) -> None:
    text = Path("smaller.py").read_text().replace('requests={"cpu": "2", "memory": "6Gi"}', "retry=3")
    Path("smaller.py").write_text(text)
    assert couler_there("diff", *SMALLER, *HISTORY).stdout.startswith("--- nightly.yaml\n")


def test_without_prices_there_is_no_money_but_a_hint(couler_there: Couler) -> None:
    Path("couler.toml").unlink()
    explained = couler_there("explain", *SMALLER, *HISTORY).stdout
    assert "USD" not in explained
    assert "CO2e" in explained.splitlines()[-1]
    assert explained.endswith("  For money and CO2e, add rows [[prices]] to couler.toml: see docs/cost.md.\n")
    assert re.search(r"step +hours +core-hours +GiB-hours\n", explained)
    [cost] = json.loads(couler_there("diff", *SMALLER, *HISTORY, "--format", "json").stdout)["cost"]
    assert cost["before"].keys() == {"core_hours", "gib_hours"}
    assert cost["currency"] == ""


def test_prices_of_carbon_alone_show_no_money(couler_there: Couler) -> None:
    Path("couler.toml").write_text("[[prices]]\ngrams-per-kwh = 400\n")
    [cost] = json.loads(couler_there("diff", *SMALLER, *HISTORY, "--format", "json").stdout)["cost"]
    assert cost["before"].keys() == {"core_hours", "gib_hours", "grams"}
    assert not [note for note in cost["notes"] if "money" in note]


def test_few_runs_make_a_point(couler_there: Couler) -> None:
    write_history([past(0, 0.5, 2.0)])
    explained = couler_there("explain", *SMALLER, *HISTORY).stdout
    assert "nightly: 1 past run, too few for a range; steps at the median" in explained
    assert re.search(r"a run +8\.5 → 4\.5 ", explained)


def test_of_many_steps_the_most_expensive_are_printed(couler_there: Couler) -> None:
    workflow = yaml.safe_load(Path("nightly.yaml").read_text())
    main, _, train, _ = workflow["spec"]["templates"]
    main["dag"]["tasks"] = [{"name": f"s{number}", "template": "train"} for number in range(20)]
    workflow["spec"]["templates"] = [main, train]
    Path("nightly.yaml").write_text(yaml.safe_dump(workflow))
    run = past(0, 1.0)
    node = run["status"]["nodes"].pop("prepare")
    for number in range(20):
        times = {"startedAt": moment(0), "finishedAt": moment(1 + number)}
        run["status"]["nodes"][f"s{number}"] = {**node, "displayName": f"s{number}", "children": [], **times}
    run["status"]["nodes"]["main"]["children"] = [f"s{number}" for number in range(20)]
    write_history([run])
    explained = couler_there("explain", "nightly.yaml", "-p", "", *HISTORY).stdout
    assert re.findall(r"main/s(\d+)", explained) == [str(number) for number in range(19, 7, -1)]
    assert "and 8 more steps\n" in explained


def test_the_page_has_them(couler_there: Couler) -> None:
    page = couler_there("graph", *SMALLER, *HISTORY, "--format", "html").stdout
    assert "<summary><b>Cost of a run</b> 5.3–11.7 → 2.9–6.1 core-hours; " in page
    facts = json.loads(re.findall(r'id="facts">(.*?)</script>', page)[0])
    by_name = {step["name"]: dict(step["facts"]) for step in facts["steps"].values()}
    expected = "2 hours; 8 → 4 core-hours; 32 → 12 GiB-hours; 0.368 → 0.168 USD; 13.8 → 6.14 g CO2e"
    assert by_name["train"]["cost of a run"] == expected
    assert "cost of a run" not in by_name["publish"]
    assert facts["versions"] == ["Before", "After"]  # what notes the costs is no pass that a reader sees
    assert "cost of a run" not in couler_there("graph", *SMALLER, "--format", "html").stdout
