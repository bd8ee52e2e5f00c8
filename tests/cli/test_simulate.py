from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.simulations import CHAIN, QUICK, Couler, record, trace
from support import CORPUS, SHARED, first_of

REAL = sorted((SHARED / "corpus" / "traces").glob("sarek-dirt02-001.json"))


def test_the_answer(simulate: Couler) -> None:
    result = simulate("trace.json", *QUICK, "--capacity", "3MB", "--capacity", "1MB", "--policy", "gdsf-subtree")
    assert result.exit_code == 0
    first, _, heading, _, sentence, _, head, line, *_ = result.stdout.splitlines()
    assert first == "churn: 5 steps, which compute for 2.55 hours and make 5 MB in a run"
    assert heading == "12 runs, edited in between as in 'replayed'; means over 2 seeds, ± half of their 95 % intervals:"
    assert sentence.startswith(
        tuple(f"With {size} MB and the policy gdsf-subtree you would have saved" for size in (1, 3))
    )
    assert " % of 30.6 hours of computing, and waited " in sentence
    assert head.split() == ["saved", "3", "MB", "1", "MB"]
    assert line.startswith("gdsf-subtree  ")


def test_json_adds_up(simulate: Couler) -> None:
    options = (
        "--policy",
        "lru",
        "--policy",
        "paper{rho=0.2}",
        "--capacity",
        "40%",
        "--capacity",
        "1GB",
        "--edits",
        "mix",
    )
    found = record(simulate("trace.json", *QUICK, *options, "--format", "json"))
    assert [(row["policy"], row["capacity"]) for row in found["rows"]] == [
        ("lru", 2_000_000),
        ("lru", 10**9),
        ("paper{rho=0.2}", 2_000_000),
        ("paper{rho=0.2}", 10**9),
    ]
    without = {line["seed"]: line["seconds"] for line in found["baselines"]}
    assert without == {0: 12 * 9180.0, 1: 12 * 9180.0}
    assert len(found["cells"]) == 8
    for cell in found["cells"]:
        assert cell["held"] >= 0
        assert cell["seconds"] == pytest.approx(cell["computing"] + cell["loading"])
        assert cell["saved"] == pytest.approx(1 - cell["seconds"] / without[cell["seed"]])
    for row in found["rows"]:
        own = [
            cell for cell in found["cells"] if (cell["policy"], cell["capacity"]) == (row["policy"], row["capacity"])
        ]
        assert row["saved"] == pytest.approx(sum(cell["saved"] for cell in own) / 2)
        assert row["saved_low"] <= row["saved"] <= row["saved_high"]
    assert {row["capture"] for row in found["rows"] if row["capacity"] == 10**9} == {1.0}


def test_processes_change_nothing(simulate: Couler) -> None:
    options = ("trace.json", "--runs", "8", "--seeds", "2", "--policy", "scr", "--policy", "lru", "--format", "json")
    assert simulate(*options, "--jobs", "1").stdout == simulate(*options, "--jobs", "2").stdout != ""


def test_the_best_size_for_the_money(simulate: Couler) -> None:
    options = ("trace.json", *QUICK, "--policy", "gdsf-subtree", "--capacity", "1MB", "--capacity", "1GB")
    cheap = record(simulate(*options, "--price-compute", "1", "--price-storage", "0.01", "--format", "json"))
    dear = record(simulate(*options, "--price-compute", "1", "--price-storage", "1e6", "--format", "json"))
    assert cheap["choices"][0]["row"]["capacity"] == 10**9
    assert dear["choices"][0]["row"] is None
    for row in cheap["rows"]:
        assert row["net"] == pytest.approx(row["saved_seconds"] / 3600 - row["held"] / 1e9 * 0.01)
    said = simulate(*options, "--price-compute", "1", "--price-storage", "0.01").stdout
    assert "The best size for the money is 1 GB, with the policy gdsf-subtree: you would have saved" in said
    assert "of 30.60 once the storage is paid." in said
    assert "No cache of these sizes pays" in simulate(*options, "--price-compute", "1", "--price-storage", "1e6").stdout


def test_several_workflows_share_the_cache(simulate: Couler) -> None:
    Path("traces").mkdir()
    for number in range(2):
        Path(f"traces/{number}.json").write_text(trace(f"flow{'ab'[number]}", CHAIN))
    found = record(simulate("traces", *QUICK, "--policy", "lru", "--capacity", "50%", "--format", "json"))
    assert [load["family"] for load in found["workflows"]] == ["flowa", "flowb"]
    assert {line["runs"] for line in found["baselines"]} == {24}
    assert found["rows"][0]["capacity"] == 5_000_000


def test_different_workflows_of_one_name(simulate: Couler) -> None:
    Path("one.json").write_text(trace("same-0", CHAIN))
    Path("two.json").write_text(trace("same-0", {f"other {number}": [] for number in range(4)}))
    found = record(simulate("one.json", "two.json", *QUICK, "--policy", "lru", "--format", "json"))
    assert [load["family"] for load in found["workflows"]] == ["one", "two"]


def test_several_runs_are_a_history(simulate: Couler) -> None:
    for number, program in enumerate(["a", "b", "a", "c"]):
        content = json.loads(trace("churn", CHAIN))
        content["workflow"]["execution"]["executedAt"] = f"2024-01-0{number + 1}T00:00:00Z"
        content["workflow"]["execution"]["tasks"][2]["command"] = {"program": program}
        Path(f"run{number}.json").write_text(json.dumps(content))
    found = record(
        simulate("run*.json", "--runs", "4", "--seeds", "1", "--policy", "all", "--format", "json", "--jobs", "1")
    )
    (line,) = found["baselines"]
    assert (line["edits"], line["runs"], len(found["workflows"])) == ("history", 4, 1)
    # The second run computes three steps anew, the third is the first again, and the fourth computes three again.
    assert line["infinite_seconds"] == pytest.approx(60 * (5 + 3 + 3) + 1.01 * (1 + 1 + 1), rel=1e-6)


def test_recorded_edits(simulate: Couler) -> None:
    Path("e.json").write_text(json.dumps({"schema": "couler.edits/v1", "changes": [["report"]]}))
    options = ("--edits", "e.json", "--runs", "3", "--seeds", "1", "--policy", "all", "--format", "json", "--jobs", "1")
    (line,) = record(simulate("trace.json", *options))["baselines"]
    assert line["edits"] == "e.json"
    assert line["infinite_seconds"] == pytest.approx(9180 + 2 * (60 + 1.01))


def test_edits_with_options(simulate: Couler) -> None:
    options = ("--edits", "uniform{size=5}", "--edits", "uniform", *QUICK, "--policy", "all", "--format", "json")
    found = record(simulate("trace.json", *options))
    many, one = (choice for choice in found["choices"])
    assert (many["edits"], one["edits"]) == ("uniform{size=5}", "uniform")
    assert many["unlimited"] < one["unlimited"]


def test_a_workflow_with_profiles(simulate: Couler) -> None:
    manifest = "kind: Toy\nname: a\nsteps:\n- {name: get, run: curl}\n- {name: use, run: cat, after: [get]}\n"
    Path("wf.yaml").write_text(manifest)
    refused = simulate("wf.yaml", *QUICK)
    assert refused.exit_code == 2
    assert "the times of the steps of" in refused.stderr
    assert "wf.yaml" in refused.stderr
    assert "--history" in refused.stderr
    Path("past.json").write_text(trace("a", {"get": [], "use": ["get"]}, get=100.0, use=11.0))
    found = record(simulate("wf.yaml", "--history", "past.json", *QUICK, "--policy", "lru", "--format", "json"))
    assert found["workflows"] == [
        {"family": "a", "steps": 2, "types": 2, "seconds": 111.0, "bytes": 2_000_000, "guessed": 0}
    ]


def test_sizes_that_are_not_known(simulate: Couler) -> None:
    content = json.loads(trace("t", CHAIN))
    content["workflow"]["specification"]["files"] = []
    Path("bare.json").write_text(json.dumps(content))
    result = simulate("bare.json", *QUICK, "--policy", "lru")
    assert result.exit_code == 2
    assert "bare.json: t: no size of any result is known" in result.stderr
    found = record(simulate("bare.json", *QUICK, "--policy", "lru", "--unknown-size", "2GB", "--format", "json"))
    assert (found["workflows"][0]["bytes"], found["workflows"][0]["guessed"]) == (10 * 10**9, 5)
    for file in content["workflow"]["specification"]["tasks"]:
        del file["outputFiles"][:]
    Path("bare.json").write_text(json.dumps(content))
    result = simulate("bare.json", *QUICK, "--policy", "lru")
    assert result.exit_code == 2
    assert "nothing to take a share of" in result.stderr


@pytest.mark.parametrize("path", first_of([CORPUS / "traces" / "variants.json", *REAL]), ids=lambda path: path.name)
def test_a_real_trace(simulate: Couler, path: Path) -> None:
    found = record(simulate(str(path), *QUICK, "--format", "json"))
    assert {row["policy"] for row in found["rows"]} == {"scr", "gdsf-subtree", "lru"}
    assert all(0 < row["capture"] <= 1 for row in found["rows"])


def test_workflows_of_one_name_in_files_of_one_name_stay_two(simulate: Couler) -> None:
    other = {f"other-{step}": [f"other-{one}" for one in before] for step, before in CHAIN.items()}
    for folder, parents in (("a", CHAIN), ("b", other)):
        Path(folder).mkdir()
        Path(folder, "t.json").write_text(trace("churn", parents))
    found = record(simulate("a/t.json", "b/t.json", *QUICK, "--format", "json"))
    assert [workflow["family"] for workflow in found["workflows"]] == ["a/t.json", "b/t.json"]


def test_the_answer_says_where_more_may_be_gained(simulate: Couler) -> None:
    larger = "It is the largest that was tried, and a larger one may save more."
    assert larger in simulate("trace.json", *QUICK, "--policy", "lru", "--capacity", "2MB").stdout
    assert larger not in simulate("trace.json", *QUICK, "--policy", "lru", "--capacity", "1GB").stdout
    slow = simulate("trace.json", *QUICK, "--policy", "lru", "--latency", "99999").stdout
    assert "No cache of these sizes saves anything of 30.6 hours of computing." in slow
    assert "Here loading takes longer than computing: see --latency and --bandwidth." in slow


def test_one_run_with_one_seed(simulate: Couler) -> None:
    assert (
        "\n1 run, edited in between as in 'uniform':\n"
        in simulate(
            "trace.json", "--runs", "1", "--seeds", "1", "--jobs", "1", "--policy", "lru", "--edits", "uniform"
        ).stdout
    )


def test_empty_results_have_no_share(simulate: Couler) -> None:
    content = json.loads(trace("t", CHAIN))
    for file in content["workflow"]["specification"]["files"]:
        file["sizeInBytes"] = 0
    Path("empty.json").write_text(json.dumps(content))
    result = simulate("empty.json", *QUICK)
    assert result.exit_code == 2
    said = (
        "empty.json: t: all results are empty: there is nothing to take a share of\n  hint: give --capacity in bytes\n"
    )
    assert said in result.stderr
