"""Workflows in files of the IR's own form: every command reads them like any engine's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from authoring.listings import ENGINES, golden, listing
from couler_plugins import Text, convert, lift, optimize
from couler_plugins.authoring import run_container, workflow
from couler_plugins.cli.group import couler
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import from_json


def command(*arguments: str) -> Result:
    return CliRunner().invoke(couler, arguments, catch_exceptions=False)


@pytest.fixture
def diamond(tmp_path: Path) -> Path:
    return listing("diamond").write(tmp_path / "diamond.json")


@pytest.mark.parametrize("engine", ENGINES)
def test_converting_a_file_gives_what_the_workflow_itself_gives(diamond: Path, engine: str) -> None:
    done = command("convert", str(diamond), "--to", engine)
    assert done.exit_code == 0, done.stderr
    assert done.stdout == golden("diamond", engine).read_text(encoding="utf-8")


def test_a_file_is_written_under_the_name_that_its_engine_wants(diamond: Path, tmp_path: Path) -> None:
    assert command("convert", str(diamond), "--to", "airflow", "-o", f"{tmp_path}/dags/").exit_code == 0
    assert [path.name for path in (tmp_path / "dags").iterdir()] == ["diamond.py"]


def test_a_step_that_another_engine_cannot_run_is_named(tmp_path: Path) -> None:
    path = listing("recursion").write(tmp_path / "recursion.json")
    done = command("convert", str(path), "--to", "kfp")
    assert done.exit_code == 2
    assert "'flip-coin' calls 'flip-coin-while', which calls itself" in done.stderr
    assert "recursion.json" in done.stderr


def test_lifting_and_lowering_changes_nothing(diamond: Path) -> None:
    plan = lift(diamond)
    assert plan.workflows == (listing("diamond").ir,)
    (file,) = convert(diamond, "couler").files
    assert (file.status, file.edits) == ("ok", ())


def test_it_is_drawn(diamond: Path) -> None:
    done = command("graph", str(diamond))
    assert done.exit_code == 0
    assert all(f'"{name}"' in done.stdout or name in done.stdout for name in "ABCD")


def test_optimizers_work_on_it(tmp_path: Path) -> None:
    with workflow("twice") as written:
        run_container("busybox", ["echo"], ["same"], step_name="one")
        run_container("busybox", ["echo"], ["same"], step_name="two")
    path = written.write(tmp_path / "twice.json")
    result = optimize(path, "dedupe")
    (file,) = result.files
    assert file.status == "changed"
    assert file.edits
    assert file.text is not None
    (smaller,) = lift(Text(file.text, "smaller.json")).workflows
    assert [operation.name for operation in smaller.operations] == ["one"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "couler.ir/v9"}, "the schema is 'couler.ir/v9'"),
        ({"workflow": {"name": "x"}}, "not a workflow in couler.ir/v1"),
        ({"workflow": {"engine": "argo", "kind": "Workflow"}}, "it holds a workflow of argo"),
        ({"more": 1}, "unknown field"),
    ],
    ids=["schema", "fields", "engine", "more"],
)
def test_what_cannot_be_read_is_refused_with_its_file(change: dict[str, Any], message: str) -> None:
    data = {**json.loads(listing("diamond").to_json()), **change}
    with pytest.raises(InvalidInput, match=message) as caught:
        lift(Text(json.dumps(data), "flow.json"))
    assert (caught.value.file, bool(caught.value.hint)) == ("flow.json", True)


def test_a_text_that_is_no_utf_8_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not a workflow in"):
        from_json(listing("diamond").to_json().encode().replace(b'"name": "', b'"name": "\xff', 1))


def test_it_may_be_yaml_as_well(tmp_path: Path) -> None:
    path = tmp_path / "diamond.yaml"
    path.write_text("# by hand\n" + yaml.safe_dump(json.loads(listing("diamond").to_json())))
    assert lift(path).workflows == (listing("diamond").ir,)
