"""What `couler explain` says of parts: one table, short where there are many."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from cli.splitting import write_workflow
from couler_plugins.cli.explanation import Alike, in_groups
from couler_plugins.plan import Decision

Couler = Callable[..., Result]
CHAIN = {f"t{step}": [f"t{step - 1}"] if step else [] for step in range(60)}


def told(number: int, reason: str = "why") -> Decision:
    return Decision(
        optimizer="o", workflow="w", subject=f"s{number}", action="do", reason=reason, figures=(("bytes", number),)
    )


def test_the_parts_are_a_table(split_command: Couler) -> None:
    write_workflow(Path("big.json"), CHAIN)
    text = split_command("explain", "-p", "split{max-steps=12,into=workflows}", "big.json").stdout
    lines = text.splitlines()
    [title] = [line for line in lines if "make a part" in line]
    head = lines[lines.index(title) + 1]
    assert head.split("  ")[-1] == "values out"
    assert [name for name in ("steps", "pods", "bytes", "estimated bytes", "% of budget", "values in") if name in head]
    rows = [line.split() for line in lines if line.strip().startswith("part-")]
    assert sum(int(row[1]) for row in rows) == 60
    assert all(int(row[5]) <= 100 for row in rows)
    assert max(map(len, lines[4:])) <= 100


def test_the_same_figures_are_in_the_json(split_command: Couler) -> None:
    write_workflow(Path("big.json"), CHAIN)
    out = split_command("explain", "-p", "split{max-steps=12,into=workflows}", "big.json", "--format", "json").stdout
    [run] = json.loads(out)["files"][0]["passes"]
    whole, *parts = [decision for decision in run["decisions"] if decision["figures"]]
    figures = whole["figures"]
    assert figures["parts"] == len(parts)
    assert figures["steps a part may have"] == 12
    before, least, after = (figures[f"critical path seconds {name}"] for name in ("before", "at least", "after"))
    assert before < least <= after
    for part in parts:
        bytes_, estimate = part["figures"]["bytes"], part["figures"]["estimated bytes"]
        assert 0 < bytes_ <= estimate
        assert part["figures"]["% of budget"] >= 100 * part["figures"]["steps"] // 12
    assert sum(part["figures"]["values out"] for part in parts) == len(parts) - 1 == figures["values crossing"]


def test_the_bytes_are_those_of_the_documents(split_command: Couler) -> None:
    write_workflow(Path("big.json"), CHAIN)
    pipeline = "split{max-steps=12,into=workflows}"
    out = split_command("explain", "-p", pipeline, "big.json", "--format", "json").stdout
    figures = {
        decision["workflow"]: decision["figures"]["bytes"]
        for decision in json.loads(out)["files"][0]["passes"][0]["decisions"]
        if decision["action"] == "make a part"
    }
    from couler_plugins.api import optimize

    documents = {document["metadata"]["name"]: document for document in optimize("big.json", pipeline).documents}
    for name, size in figures.items():
        assert size == pytest.approx(len(json.dumps(documents[name], separators=(",", ":"))), abs=8)


def test_many_parts_are_summed_up(split_command: Couler) -> None:
    write_workflow(Path("big.json"), {f"t{step}": [] for step in range(120)})
    lines = split_command("explain", "-p", "split{max-steps=4,into=workflows}", "big.json").stdout.splitlines()
    assert len(lines) < 40
    assert any(line.strip().startswith("and ") and line.endswith(" more") for line in lines)
    assert any(line.strip().startswith("median") for line in lines)
    assert any(" more" in line for line in lines if "split into" in line)


def test_what_holds_steps_together_is_said(split_command: Couler) -> None:
    path = write_workflow(Path("big.json"), CHAIN)
    data = json.loads(path.read_text())
    claim = {"metadata": {"name": "disk"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    data["spec"]["volumeClaimTemplates"] = [claim]
    [main, work] = data["spec"]["templates"]
    mounted = {**work["container"], "volumeMounts": [{"name": "disk", "mountPath": "/disk"}]}
    data["spec"]["templates"] = [main, work, {**work, "name": "store", "container": mounted}]
    for task in main["dag"]["tasks"][20:24]:
        task["template"] = "store"
    path.write_text(json.dumps(data))
    text = split_command("explain", "-p", "split{max-steps=12,into=workflows}", "big.json").stdout
    lines = text.splitlines()
    [place] = [number for number, line in enumerate(lines) if line.startswith("      left alone: stays in one part")]
    assert lines[place].endswith("with others: they share the volume claim 'disk' (steps together 4)")
    assert lines[place + 1].strip() == "t20, t21, t22, t23"


def test_decisions_alike_are_one() -> None:
    found = list(in_groups([told(1, "other"), told(1), told(2), told(3), told(4, "other")]))
    assert [isinstance(item, Alike) for item in found] == [False, True, False]
    [table] = [item for item in found if isinstance(item, Alike)]
    assert table.title == "do: why (3 times)"
    assert table.rows == [["s1", "1"], ["s2", "2"], ["s3", "3"]]


def test_long_tables_end_in_a_summary() -> None:
    [table] = in_groups([told(number) for number in range(1000, 1100)])
    assert isinstance(table, Alike)
    assert len(table.rows) == 16
    assert table.rows[-4:] == [
        ["and 88 more", ""],
        ["least of all", "1,000"],
        ["median", "1,049.5"],
        ["most", "1,099"],
    ]
