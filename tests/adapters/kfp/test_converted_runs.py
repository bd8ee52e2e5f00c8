"""What converted pipelines compute, run for real, beside what `kfp.local` computes."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from adapters.kfp.argo_runs import ArgoRun
from adapters.kfp.local.corpus import FILES
from adapters.kfp.sources import collecting, nested, sharing
from adapters.subjects import KFP
from couler_plugins.api import convert
from couler_plugins.documents import dump_yaml
from support import first_of

pytest.importorskip("kfp", reason="needs kfp")
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)  # of kfp, its local runner and its libraries

COMPARED: dict[str, dict[str, Any]] = {
    "own/functions.yaml": {"count": 3},
    "own/python-branches.yaml": {"number": 1},
    "critical/add_numbers.yaml": {"a": 3, "b": 4},
    "identity.yaml": {"value": 'x "y" z'},
    "local_execution/pipeline_with_caching.yaml": {},
    "local_execution/local_execution_pipeline_with_oneof.yaml": {},
}
STATES: dict[str, tuple[str, dict[str, str]]] = {
    "pipeline_with_loops_and_conditions.yaml": ("Succeeded", {}),
    "pipeline_with_nested_loops.yaml": ("Succeeded", {}),
    "critical/flip_coin.yaml": ("Succeeded", {}),
    "critical/pipeline_with_artifact_custom_path.yaml": ("Succeeded", {}),
    "essential/embedded_artifact.yaml": ("Succeeded", {}),
    "essential/pipeline_with_metrics_outputs.yaml": ("Succeeded", {}),
    "parallel_and_nested/nested_pipeline_opt_inputs_nil_compiled.yaml": ("Succeeded", {}),
    "parallel_and_nested/pipeline_in_pipeline_loaded_from_yaml.yaml": ("Succeeded", {}),
    # Its handler is that of the whole workflow, which this runner leaves to `onExit`.
    "failing/pipeline_with_exit_handler.yaml": ("Failed", {"exit-handler-1": "Failed"}),
}


def local_output(path: Path, folder: Path, **arguments: Any) -> Any:
    from kfp import components, local

    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(folder))
    return components.load_component_from_file(str(path))(**arguments).output


def converted(path: Path, folder: Path, **parameters: str) -> ArgoRun:
    (file,) = convert(str(path), "argo").files
    assert file.error is None
    (document,) = file.documents
    return ArgoRun(document, folder, **parameters)


def compiled(pipeline: Any, path: Path) -> Path:
    from kfp import compiler

    compiler.Compiler().compile(pipeline, str(path))
    return path


@pytest.mark.slow
def test_loops_branches_and_exit_handlers(tmp_path: Path) -> None:
    path = compiled(nested(), tmp_path / "nested.yaml")
    run = converted(path, tmp_path / "argo", count="2")
    assert run.result["parameters.Output"] == "4" == str(local_output(path, tmp_path / "local", count=2))
    inside = "exit-handler-1/condition-branches-3"
    assert run.states[f"{inside}/condition-4"] == "Skipped"
    assert run.outputs[f"{inside}/condition-5/tell-3"]["parameters.Output"] == "told another number"
    looped = [made for path, made in run.outputs.items() if "for-loop-2(" in path and path.endswith("/square")]
    assert [made["parameters.Output"] for made in looped] == ["0", "1", "4", "9"]
    assert run.outputs["exit-handler-1.exit"]["parameters.Output"] == "told the end"


@pytest.mark.slow
def test_what_a_loop_gives_together(tmp_path: Path) -> None:
    path = compiled(collecting(), tmp_path / "collecting.yaml")
    run = converted(path, tmp_path / "argo")
    assert run.result["parameters.Output"] == "14 1+2+3" == local_output(path, tmp_path / "local")


def test_artifacts(tmp_path: Path) -> None:
    path = compiled(sharing(), tmp_path / "sharing.yaml")
    run = converted(path, tmp_path / "argo")
    assert run.result["parameters.Output"] == "1/2" == local_output(path, tmp_path / "local")


@pytest.mark.parametrize("name", first_of((name for name in COMPARED if name in FILES), 3))
def test_pipelines_of_the_corpus_give_what_they_give_locally(name: str, tmp_path: Path) -> None:
    path = FILES[name]
    arguments = COMPARED[name]
    run = converted(path, tmp_path / "argo", **{key: str(value) for key, value in arguments.items()})
    bare = tmp_path / "bare.yaml"
    bare.write_text(dump_yaml(without_installing(KFP.read(path).documents[0].data)))
    assert run.result["parameters.Output"] == str(local_output(bare, tmp_path / "local", **arguments))


def without_installing(spec: Any) -> Any:
    """The pipeline without the installation of kfp, for which there is no network."""
    spec = copy.deepcopy(spec)
    for executor in spec["deploymentSpec"]["executors"].values():
        command = executor["container"]["command"]
        executor["container"]["command"] = command[3:] if "pip install" in command[2] else command
    return spec


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in STATES if name in FILES])
def test_pipelines_of_the_corpus_run(name: str, tmp_path: Path) -> None:
    state, states = STATES[name]
    run = converted(FILES[name], tmp_path)
    assert run.state == state
    assert states.items() <= run.states.items()
    assert states or "Failed" not in run.states.values()
