"""`couler simulate -p`: how long a workflow runs as a whole and in parts."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from cli.splitting import CHAINS, history, write_workflow

Couler = Callable[..., Result]
SPLIT = ("-p", "split{max-steps=3,into=workflows}")
SECONDS = {"load": 100.0, "left-1": 10.0, "left-2": 20.0, "right-1": 30.0, "right-2": 40.0, "join": 5.0}


def record(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["schema"] == "couler.simulate-split/v1"
    [workflow] = found["workflows"]
    return dict(workflow)


def test_the_whole_and_the_parts(split_command: Couler) -> None:
    history(Path("past.json"), CHAINS, SECONDS)
    found = record(
        split_command("simulate", "big.json", *SPLIT, "--history", "past.json", "--workers", "2", "--format", "json")
    )
    assert found["before"] == {"makespan": 175, "critical_path": 175}
    assert (found["steps"], found["unknown_seconds"], found["work"], found["launch"]) == (6, 0, 205, 10)
    parts = found["parts"]
    assert sum(part["steps"] for part in parts) == 6
    assert len(parts) > 1
    assert found["after"]["makespan"] == max(part["end"] for part in parts) > 175
    assert found["stretch"] == found["after"]["makespan"] / 175
    assert 175 < found["critical_path_at_least"] <= found["after"]["critical_path"] <= found["after"]["makespan"]
    for part in parts:
        assert part["end"] == part["start"] + part["launch"] + part["critical_path"] + part["queue"]


def test_a_launch_that_costs_nothing(split_command: Couler) -> None:
    history(Path("past.json"), CHAINS, SECONDS)
    options = ("simulate", "big.json", *SPLIT, "--history", "past.json", "--format", "json")
    slow, fast = (record(split_command(*options, "--launch", launch)) for launch in ("100", "0"))
    assert (slow["launch"], fast["launch"]) == (100, 0)
    assert slow["after"]["makespan"] > fast["after"]["makespan"] >= 175
    assert slow["critical_path_at_least"] is None  # the bound is of the launch that the split reckoned with


@pytest.mark.slow
def test_groups_of_parts_are_made_by_what_the_parts_take(split_command: Couler) -> None:
    """A coordinator that is split again knows its parts' times: groups of long chains do not wait for each other."""
    chains = {f"c{chain}-{step}": [f"c{chain}-{step - 1}"] if step else [] for chain in range(8) for step in range(100)}
    write_workflow(Path("big.json"), chains)
    pipeline = "split{max-steps=10,max-bytes=15kB,into=workflows}"
    told = split_command("explain", "big.json", "-p", pipeline, "--format", "json")
    wholes = [one["figures"] for one in json.loads(told.stdout)["files"][0]["passes"][0]["decisions"] if one["affects"]]
    assert len(wholes) > 1
    for outer, inner in itertools.pairwise(wholes):
        assert inner["critical path seconds before"] == outer["critical path seconds after"]
    found = record(split_command("simulate", "big.json", "-p", pipeline, "--format", "json"))
    assert found["critical_path_stretch"] < 1.15


def test_parts_that_are_graphs_are_not_launched(split_command: Couler) -> None:
    found = record(split_command("simulate", "big.json", "-p", "split{max-steps=3,into=graphs}", "--format", "json"))
    assert found["launch"] == 0
    assert len(found["parts"]) > 1


def test_the_screen(split_command: Couler) -> None:
    told = split_command("simulate", "big.json", *SPLIT, "--workers", "2")
    assert told.exit_code == 0
    lines = told.stdout.splitlines()
    assert lines[0].startswith("big: 6 steps in ")
    assert "Nothing is known of what they take: each counts as 60 seconds" in lines[1]
    assert any(line.startswith("2 workers") for line in lines)
    assert any(line.startswith("workers without limit") for line in lines)
    assert max(map(len, lines)) <= 100
    history(Path("past.json"), CHAINS, {"load": 100.0})
    some = split_command("simulate", "big.json", *SPLIT, "--history", "past.json").stdout
    assert "Nobody knows what 5 of them take: each counts as 100 seconds" in some


def test_many_parts_are_summed_up(split_command: Couler) -> None:
    write_workflow(Path("big.json"), {f"t{step}": [f"t{step - 1}"] if step else [] for step in range(900)})
    told = split_command("simulate", "big.json", "-p", "split{max-steps=30,into=graphs}").stdout
    assert len(told.splitlines()) < 40
    assert " more parts, which are less late; --format json has all" in told


def test_what_is_not_split_is_run_all_the_same(split_command: Couler) -> None:
    told = split_command("simulate", "big.json", "-p", "split")
    assert "6 steps in one piece: not split" in told.stdout
    found = record(split_command("simulate", "big.json", "-p", "split", "--format", "json"))
    assert (found["stretch"], found["parts"]) == (1, [])


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_picture(split_command: Couler, suffix: str) -> None:
    pytest.importorskip("matplotlib")
    for name in ("one", "two"):
        assert split_command("simulate", "big.json", *SPLIT, "--plot", f"{name}.{suffix}").exit_code == 0
    one, two = Path(f"one.{suffix}").read_bytes(), Path(f"two.{suffix}").read_bytes()
    assert one == two
    if suffix == "svg":
        assert all(word in one for word in (b"part-1", b"launch", b"end of the whole, not split"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["big.json", "--launch", "3"], "--launch is of parts"),
        (["big.json", *SPLIT, "--capacity", "1GB"], "--capacity is of caches"),
        (["big.json", *SPLIT, "--online"], "--online is of caches"),
        (["big.json", *SPLIT, "--plot", "parts.pdf"], "names neither an .svg nor a .png"),
        (["past.json", *SPLIT], "there is no workflow here that could run"),
    ],
)
def test_refusals(split_command: Couler, arguments: list[str], said: str) -> None:
    history(Path("past.json"), CHAINS, SECONDS)
    refused = split_command("simulate", *arguments)
    assert refused.exit_code == 2
    assert said in refused.stderr
