from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from pluginbox import PluginBox
from support import shared

Couler = Callable[..., Result]
QUICK = ("--runs", "12", "--seeds", "2", "--jobs", "1")


def trace(name: str, parents: dict[str, list[str]], **seconds: float) -> str:
    """A trace whose tasks make 1 MB each."""
    tasks = [
        {"name": step, "id": step, "parents": above, "children": [], "outputFiles": [f"{step}.out"]}
        for step, above in parents.items()
    ]
    files = [{"id": f"{step}.out", "sizeInBytes": 10**6} for step in parents]
    took = [{"id": step, "runtimeInSeconds": seconds.get(step, 60.0)} for step in parents]
    content = {"specification": {"tasks": tasks, "files": files}, "execution": {"tasks": took}}
    return json.dumps({"name": name, "schemaVersion": "1.5", "workflow": content})


CHAIN = {"load": [], "clean": ["load"], "train": ["clean"], "test": ["train", "clean"], "report": ["test"]}


@pytest.fixture
def simulate(couler_command: Couler, plugin_box: PluginBox) -> Couler:
    """Runs `couler simulate` where there is a trace, `trace.json`."""
    plugin_box.declare("caches", "couler_plugins.caching.plugin")
    Path("trace.json").write_text(trace("churn", CHAIN, train=7200.0, clean=1800.0))
    return lambda *arguments, **options: couler_command("simulate", *arguments, **options)


def record(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["schema"] == "couler.simulate/v1"
    return dict(found)


def test_the_answer(simulate: Couler) -> None:
    result = simulate("trace.json", *QUICK, "--capacity", "3MB", "--capacity", "1MB", "--policy", "gdsf-subtree")
    assert result.exit_code == 0
    first, _, heading, _, sentence, _, head, line, *_ = result.stdout.splitlines()
    assert first == "churn: 5 steps, which compute for 2.55 hours and make 5 MB"
    assert heading == "12 runs under edits of the kind 'replayed', 2 times:"
    assert sentence.startswith(
        ("With 3 MB and gdsf-subtree you would have", "With 1 MB and gdsf-subtree you would have")
    )
    assert " % of 30.6 hours" in sentence
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
    assert "The best size for the money is 1 GB, with gdsf-subtree: you would have saved" in said
    assert "of 30.60." in said
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
    assert "nothing is known of what the steps of" in refused.stderr
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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (trace("t", CHAIN)[:200], "bad.json"),
        (trace("t", {"a": ["b"], "b": ["a"]}), "is its own ancestor"),
        (trace("t", CHAIN, **dict.fromkeys(CHAIN, 0.0)), "all times are 0"),
        (trace("t", {"a": ["gone"]}), "'gone', a parent of 'a', is not in the trace"),
        (trace("t", CHAIN, load=-1.0), "runtimeInSeconds of 'load' is -1"),
        (trace("t", CHAIN, load=float("nan")), "bad.json"),
        (trace("t", {}), "the trace has no tasks"),
        ("{}", "this tells of no run"),
        ("", "bad.json"),
    ],
)
def test_bad_traces_are_a_clear_error(simulate: Couler, content: str, message: str) -> None:
    Path("bad.json").write_text(content)
    result = simulate("bad.json", *QUICK)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert "bad.json" in result.stderr
    assert "hint: " in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--policy", "lur"), "did you mean 'lru'?"),
        (("--policy", "lru{size=3}"), "has no option 'size'"),
        (("--capacity", "much"), "'much' is not a size such as 1000, 30GB or 64MiB, nor a share such as 10%"),
        (("--edits", "unifrom"), "did you mean 'uniform'?"),
        (("--edits", "uniform{sice=2}"), "did you mean 'size'?"),
        (("--edits", "uniform,walk"), "there are no edits 'uniform,walk'"),
        (("--edits", "uniform{size=2},walk"), "names several kinds of edits"),
        (("--price-compute", "1"), "Give both"),
        (("--bandwidth", "0"), "--bandwidth"),
        (("--plot", "x.pdf"), "neither an .svg nor a .png"),
        (("--runs", "0"), "--runs"),
    ],
)
def test_wrong_usage(simulate: Couler, options: tuple[str, ...], message: str) -> None:
    result = simulate("trace.json", *options)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_broken_policy_is_named(simulate: Couler, plugin_box: PluginBox) -> None:
    plugin_box.add(
        "greedy",
        """
        from dataclasses import dataclass
        from couler_plugins import hookimpl
        from couler_plugins.hookspecs import CachePolicy

        @dataclass(frozen=True)
        class Greedy(CachePolicy):
            name = "greedy"

            def keep(self, candidates, capacity, history):
                return {one.key for one in candidates}

        @hookimpl
        def couler_cache_policies():
            return [Greedy]
        """,
    )
    result = simulate("trace.json", *QUICK, "--policy", "greedy", "--capacity", "1MB")
    assert result.exit_code == 1
    assert "the policy 'greedy' kept 5,000,000 bytes of at most 1,000,000" in result.stderr


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_picture(simulate: Couler, suffix: str) -> None:
    pytest.importorskip("matplotlib")
    options = ("trace.json", *QUICK, "--policy", "lru", "--policy", "gdsf", "--edits", "uniform", "--edits", "replayed")
    assert simulate(*options, "--plot", f"a.{suffix}").exit_code == 0
    picture = Path(f"a.{suffix}").read_bytes()
    assert simulate(*options, "--plot", f"b.{suffix}").exit_code == 0
    assert Path(f"b.{suffix}").read_bytes() == picture
    if suffix == "png":
        assert picture.startswith(b"\x89PNG")
    else:
        texts = {
            "".join(node.itertext()).strip() for node in ET.fromstring(picture).iter() if node.tag.endswith("text")
        }
        wanted = {"lru", "gdsf", "policy", "size of the cache", "time saved (% of the time without a cache)"}
        assert wanted <= texts


@pytest.mark.parametrize("name", ["no/such/folder.svg", "folder.svg"])
def test_a_picture_that_cannot_be_written(simulate: Couler, name: str) -> None:
    pytest.importorskip("matplotlib")
    Path("folder.svg").mkdir()
    result = simulate("trace.json", *QUICK, "--policy", "lru", "--plot", name)
    assert result.exit_code == 3
    assert f"cannot write {name}" in result.stderr


def test_a_real_trace(simulate: Couler) -> None:
    path = shared("corpus", "traces", "sarek-dirt02-001.json")
    found = record(simulate(str(path), *QUICK, "--format", "json"))
    assert {row["policy"] for row in found["rows"]} == {"scr", "gdsf-subtree", "lru"}
    assert all(0 < row["capture"] <= 1 for row in found["rows"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("--capacity", "9" * 400 + "%"),
        ("--capacity", "9" * 400 + ".5GB"),
        ("--bandwidth", "9" * 400),
        ("--latency", "nan"),
        ("--latency", "inf"),
        ("--latency", "1e308"),
        ("--price-compute", "nan", "--price-storage", "1"),
        ("--months", "inf"),
        ("--edits", "/dev/zero", "--max-bytes", "1MB"),
        ("--edits", "hot-spot{stay=0}"),
        ("--edits", "deepening{stay=0}"),
        ("--edits", "uniform{size=-1}"),
        ("--edits", "walk{jump=nan}"),
        ("--policy", "paper{beta=nan}"),
        ("--policy", "paper{rho=-5}"),
        ("--policy", "paper-literal{unit=0}"),
    ],
    ids=" ".join,
)
def test_numbers_that_mean_nothing_are_refused(simulate: Couler, arguments: tuple[str, ...]) -> None:
    result = simulate("trace.json", *QUICK, *arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert len(result.stderr) < 700


@pytest.mark.parametrize(
    ("figures", "name"), [({"train": 1e308}, "churn"), ({}, "\ud800"), ({}, "two\nlines"), ({}, "\x1b[31mred")]
)
def test_traces_that_no_machine_wrote_are_refused(simulate: Couler, figures: dict[str, float], name: str) -> None:
    Path("odd.json").write_text(trace(name, CHAIN, **figures))
    result = simulate("odd.json", *QUICK)
    assert result.exit_code == 2
    assert "odd.json" in result.stderr
    assert "\x1b" not in result.stderr


def test_workflows_of_one_name_in_files_of_one_name_stay_two(simulate: Couler) -> None:
    other = {f"other-{step}": [f"other-{one}" for one in before] for step, before in CHAIN.items()}
    for folder, parents in (("a", CHAIN), ("b", other)):
        Path(folder).mkdir()
        Path(folder, "t.json").write_text(trace("churn", parents))
    found = record(simulate("a/t.json", "b/t.json", *QUICK, "--format", "json"))
    assert [workflow["family"] for workflow in found["workflows"]] == ["a/t.json", "b/t.json"]
