"""Values that are too large for the run of a part: it is never created, and everybody is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result

from adapters.tekton.running.cluster import Cluster
from adapters.tekton.running.controller import Controller
from couler_tekton.run.sizes import MOST, too_large

Data = dict[str, Any]
LARGE = "x" * 4000


def run_of(**values: Any) -> Data:
    return {"kind": "PipelineRun", "spec": {"params": [{"name": name, "value": held} for name, held in values.items()]}}


def reading(*texts: str, declared: tuple[str, ...] = ()) -> Data:
    """A pipeline with a task for each text."""
    params = [{"name": name} for name in declared]
    tasks = [
        {
            "name": f"t{number}",
            "params": [{"name": "p", "value": text}],
            "taskSpec": {"params": params, "steps": [text]},
        }
        for number, text in enumerate(texts)
    ]
    return {"params": [{"name": "a"}], "tasks": tasks}


def length(pipeline: Data, run: Data) -> int:
    """What the run and its pipeline take as JSON."""
    return sum(len(json.dumps(item, separators=(",", ":"), ensure_ascii=False).encode()) for item in (pipeline, run))


@pytest.mark.parametrize(
    ("value", "spelled", "filled"),
    [
        ("é" * 4000, "$(params.a)", "é" * 4000),
        ("x", "-$(params.a)-$(params.a)", "-x-x"),
        ("x", '$(params["a"])', "x"),
        (["x", LARGE], "$(params.a[1])", LARGE),
        ({"k": LARGE, "l": "y"}, "$(params.a.k)", LARGE),
        ("x", "$(params.ab)", "$(params.ab)"),
    ],
)
def test_a_value_counts_wherever_it_is_read(
    value: Any, spelled: str, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = length(reading(filled), run_of(a=value))
    monkeypatch.setattr("couler_tekton.run.sizes.MOST", size)
    assert too_large(reading(spelled), run_of(a=value)) == ""
    monkeypatch.setattr("couler_tekton.run.sizes.MOST", size - 1)
    assert f"it would take {size:,} bytes" in too_large(reading(spelled), run_of(a=value))


def test_a_whole_list_counts_as_often_as_it_is_passed() -> None:
    run = run_of(a=[LARGE] * 4)
    assert too_large(reading(*["$(params.a[*])"] * 49), run)
    assert not too_large(reading(*["$(params.a[*])"] * 48), run)


def test_a_spec_that_declares_a_parameter_of_that_name_does_not_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of(a=LARGE)
    hidden, seen = reading("$(params.a)", declared=("a",)), reading("$(params.a)")
    monkeypatch.setattr("couler_tekton.run.sizes.MOST", length(seen, run) + 2 * len(LARGE) - 100)
    assert too_large(seen, run)
    assert not too_large(hidden, run)


def test_what_many_tasks_read_is_too_large_for_one_run() -> None:
    few, many = (reading(*["$(params.a)"] * number) for number in (100, 300))
    assert too_large(few, run_of(a=LARGE)) == ""
    said = too_large(many, run_of(a=LARGE, b="y"))
    assert f"4,002 of them in 'a', and etcd takes {MOST:,}" in said
    assert "hand the large ones over in a workspace, or split elsewhere" in said


def test_a_part_that_no_cluster_can_keep_fails_and_the_end_runs(
    server: Cluster, place: Path, couler_command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    controller = Controller(server)
    monkeypatch.setattr("couler_tekton.run.sizes.MOST", 3000)
    documents = list(yaml.safe_load_all((place / "split.yaml").read_text()))
    parts = {item["metadata"]["name"]: item for item in documents}
    parts["train-part-2"]["spec"]["tasks"][0]["params"][0]["value"] = ["$(params.tags[*])", "z" * 3000]
    (place / "split.yaml").write_text(yaml.safe_dump_all(documents))
    done = couler_command("run", "split.yaml")
    assert done.exit_code == 1, done.output
    assert "ml/train-part-2: failed (it would take" in done.stderr
    assert [name for _, name in server.creations()] == ["train-part-1", "train-finally", "train-finally-2"]
    assert controller.ran["train-finally"].tasks["tell"]["params"] == {"s": "None"}
