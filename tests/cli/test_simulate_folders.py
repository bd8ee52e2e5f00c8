"""A folder of traces may hold other files: they are left out and named, and edits beside a trace are its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.simulations import Couler, record, trace
from pluginbox import PluginBox

THREE = {"load": [], "train": ["load"], "report": ["train"]}
OPTIONS = ("--runs", "3", "--seeds", "1", "--jobs", "1", "--policy", "all")
EDITS = "couler.edits/v1"


@pytest.fixture
def simulate_folder(couler_command: Couler, plugin_box: PluginBox) -> Couler:
    """Runs `couler simulate` beside a folder with one trace, `traces/churn.json`."""
    plugin_box.declare("caches", "couler_plugins.caching.plugin")
    Path("traces").mkdir()
    Path("traces/churn.json").write_text(trace("churn", THREE))
    return lambda *arguments: couler_command("simulate", *arguments, *OPTIONS)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("values.json", b'{"replicas": 3}', "this is neither a past run"),
        ("odd.json", b"\0\1\2", "this is a binary file"),
        ("latin.yaml", b"name: caf\xe9", "UTF-8"),
        ("half.json", trace("t", THREE).encode()[:90], ""),
        ("e.json", b'{"schema": "couler.edits/v1"}', "these are no recorded edits"),
        ("e.json", b'{"schema": "couler.edits/v1", "changes": [["other"]]}', "none of its changes is of a step"),
        ("e.json", b'{"schema": "couler.edits/v1", "family": "f", "changes": [["train"]]}', "none of its changes"),
    ],
)
def test_what_is_no_trace_is_left_out_of_a_folder(
    simulate_folder: Couler, name: str, content: bytes, reason: str
) -> None:
    without = record(simulate_folder("traces", "--format", "json"))
    Path("traces", name).write_bytes(content)
    result = simulate_folder("traces", "--format", "json")
    assert record(result) == without
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"warning: traces/{name} is left out: ")
    assert reason in line
    alone = simulate_folder(f"traces/{name}")
    assert alone.exit_code == 2
    assert f"error: traces/{name}" in alone.stderr


def test_a_folder_without_a_trace_is_an_error(simulate_folder: Couler) -> None:
    Path("traces/churn.json").write_text("{}")
    result = simulate_folder("traces")
    assert result.exit_code == 2
    assert "warning: traces/churn.json is left out" in result.stderr
    assert "error: there is no trace among these files\n  hint: give WfFormat traces" in result.stderr


def test_a_trace_that_contradicts_itself_is_an_error_in_a_folder_too(simulate_folder: Couler) -> None:
    Path("traces/bad.json").write_text(trace("bad", {"a": ["b"], "b": ["a"]}))
    result = simulate_folder("traces")
    assert result.exit_code == 2
    assert "error: traces/bad.json: 'a' is its own ancestor" in result.stderr


@pytest.mark.parametrize("family", ["", "churn"])
def test_edits_beside_a_trace_are_its_own(simulate_folder: Couler, family: str) -> None:
    Path("traces/other.json").write_text(trace("other", {"get": [], "use": ["get"]}))
    edits = {"schema": EDITS, "family": family, "changes": [["report"]]}
    Path("traces/churn.edits.json").write_text(json.dumps(edits))
    result = simulate_folder("traces/churn.json", "traces", "--format", "json")
    (line,) = record(result)["baselines"]
    assert (line["edits"], result.stderr) == ("history", "")
    Path("traces/other.json").unlink()
    (line,) = record(simulate_folder("traces", "--format", "json"))["baselines"]
    assert line["infinite_seconds"] == pytest.approx(180 + 2 * (60 + 1.01))  # only the report changes, twice
    (line,) = record(simulate_folder("traces", "--format", "json", "--edits", "uniform"))["baselines"]
    assert line["edits"] == "uniform"


def test_edits_that_are_named_as_a_trace(simulate_folder: Couler) -> None:
    Path("e.json").write_text(json.dumps({"schema": EDITS, "changes": [["report"]]}))
    result = simulate_folder("traces", "e.json")
    assert result.exit_code == 2
    assert "hint: these are recorded edits: name them with --edits" in result.stderr
