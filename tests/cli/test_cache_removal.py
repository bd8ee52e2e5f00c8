"""`couler cache rm --step` and `--workflow`: what a step has made goes, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.cache_processes import cache
from couler_plugins.caching.artifacts import Hit, Meta, open_cache
from couler_plugins.hookspecs.eviction import Selection

RESULTS = {
    "prep": Meta(family="churn", step="prep", run="r1"),
    "train-1": Meta(family="churn", step="train", parents=("prep",)),
    "train-2": Meta(family="churn", step="train", parents=("prep",)),
    "local": Meta(family="churn-*", step="main/train(3)", type="fit"),
    "report": Meta(family="churn", step="report", parents=("train-1",)),
    "mail": Meta(family="churn", step="mail", parents=("report",)),
    "other": Meta(family="sales", step="train", type="operators.training.FitOperator"),
    "nobody": Meta(),
}


@pytest.fixture(autouse=True)
def _store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with open_cache("store") as store:
        for number, (key, meta) in enumerate(RESULTS.items()):
            store.put(key, {"a": b"x" * (number + 1)}, meta)


def kept() -> set[str]:
    with open_cache("store") as store:
        return {entry.key for entry in store.entries()}


@pytest.mark.parametrize(
    ("arguments", "gone"),
    [
        (("--step", "train"), {"train-1", "train-2", "local", "other"}),
        (("--step", "churn/train"), {"train-1", "train-2", "local"}),
        (("--step", "churn/t*"), {"train-1", "train-2", "local"}),
        (("--step", "churn*"), set()),
        (("--step", "main*"), set()),
        (("--step", "ch*/tr*"), {"train-1", "train-2", "local"}),
        (("--step", "main/train"), {"local"}),
        (("--step", "fit"), {"local"}),
        (("--step", "train", "--workflow", "s*"), {"other"}),
        (("--workflow", "churn"), {"prep", "train-1", "train-2", "local", "report", "mail"}),
        (("--family", "churn-[*]"), {"local"}),
        (("--step", "churn/prep", "--dependents"), {"prep", "train-1", "train-2", "report", "mail"}),
        (("--step", "churn/report", "--dependents"), {"report", "mail"}),
        (("--step", "*Operator"), set()),
        (("--step", "TRAIN"), set()),
    ],
)
def test_what_is_meant_goes(arguments: tuple[str, ...], gone: set[str]) -> None:
    dry = cache("rm", *arguments, "--dry-run", "--format", "json")
    assert (dry.returncode, set(json.loads(dry.stdout)["removed"]), kept()) == (0, gone, set(RESULTS))
    removed = json.loads(cache("rm", *arguments, "--format", "json").stdout)
    assert (set(removed["removed"]), removed["dry_run"]) == (gone, False)
    assert kept() == set(RESULTS) - gone
    assert {entry["key"]: entry["run"] for entry in removed["entries"]} == {key: RESULTS[key].run for key in gone}


def test_it_says_what_went_and_what_was_computed_from_it() -> None:
    dry = cache("rm", "--step", "churn/prep", "--dry-run")
    assert "  churn/prep\n" in dry.stdout
    assert "4 results computed from these stay; --dependents removes them as well" in dry.stderr
    assert dry.stderr.endswith("1 result would go, 1 bytes\n")
    done = cache("rm", "--step", "churn/train")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["local", "train-1", "train-2"]
    assert done.stderr.endswith("3 results went, 9 bytes\n")
    again = cache("rm", "--step", "churn/train")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "0 results went, 0 bytes\n")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("prep", "--step", "prep"),
        ("--step", "prep", "--context", "c"),
        ("prep", "--engine", "argo"),
        ("--step", "x", "--engine", "argo", "--dependents"),
    ],
)
def test_what_goes_is_said_in_one_way(arguments: tuple[str, ...]) -> None:
    refused = cache("rm", *arguments)
    assert (refused.returncode, refused.stdout, kept()) == (2, "", set(RESULTS))


@pytest.mark.parametrize("index", ["", "none"])
def test_who_reads_a_result_reads_on(index: str) -> None:
    arguments = ("--store", "other", *(("--index", index) if index else ()))
    with open_cache("other", index=index or None) as store:
        store.put("k", {"a": b"wrong"}, Meta(family="churn", step="train"))
        hit = store.get("k")
        assert isinstance(hit, Hit)
        with hit:
            assert cache("rm", *arguments, "--step", "train").returncode == 0
            assert store.get("k") is None
            assert hit.read("a") == b"wrong"
        store.put("k", {"a": b"right"}, Meta(family="churn", step="train"))
        with store.claim("k") as again:
            assert isinstance(again, Hit)
            assert again.read("a") == b"right"


def test_names_are_compared_as_they_are_recorded_and_without_what_is_random() -> None:
    assert Selection(step="churn-*/x").includes("churn-*", "x")
    assert Selection(workflow="churn").includes("churn-*")
    assert not Selection(workflow="churn").includes("churn-2")
    assert not Selection(step="rain").includes("churn", "train")
    assert not Selection(step="*").includes("churn")
