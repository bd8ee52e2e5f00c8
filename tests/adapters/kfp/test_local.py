"""What `kfp.local` makes of a pipeline before and after: it runs in this process, without containers and a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.kfp.sources import sharing
from couler_plugins.api import optimize

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)  # of kfp, its local runner and its libraries


def run(path: Path, folder: Path) -> str:
    from kfp import components, local

    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(folder))
    return str(components.load_component_from_file(str(path))().output)


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    pytest.importorskip("kfp", reason="needs kfp")
    from kfp import compiler

    path = tmp_path / "pipeline.yaml"
    compiler.Compiler().compile(sharing(), str(path))
    return path


def test_the_local_runner_mixes_up_tasks_that_share_a_component_which_is_said(compiled: Path, tmp_path: Path) -> None:
    """Once this fails, KFP has mended it: `merge=components` can be the default."""
    assert run(compiled, tmp_path / "before") == "1/2"
    (file,) = optimize(str(compiled), "dedupe", to="kfp{merge=components}").files
    assert file.text is not None
    merged = tmp_path / "merged.yaml"
    merged.write_text(file.text, "utf-8")
    assert run(merged, tmp_path / "after") in {"1/1", "2/2"}
    assert [decision.subject for decision in file.decisions if "kfp.local" in decision.reason] == ["comp-write"]


def test_tasks_that_only_share_an_executor_are_kept_apart(compiled: Path, tmp_path: Path) -> None:
    (file,) = optimize(str(compiled), "dedupe").files
    assert file.text is not None
    assert file.text.count("executorLabel: exec-write\n") == 2
    shared = tmp_path / "shared.yaml"
    shared.write_text(file.text, "utf-8")
    assert run(shared, tmp_path / "after") == "1/2"


def test_what_prune_leaves_computes_the_same(compiled: Path, tmp_path: Path) -> None:
    unused = "components:\n  comp-left: {executorLabel: exec-write}\n"
    compiled.write_text(compiled.read_text("utf-8").replace("components:\n", unused), "utf-8")
    (file,) = optimize(str(compiled), "prune").files
    assert file.text is not None
    assert "comp-left" not in file.text
    pruned = tmp_path / "pruned.yaml"
    pruned.write_text(file.text, "utf-8")
    assert run(pruned, tmp_path / "pruned") == run(compiled, tmp_path / "before") == "1/2"
