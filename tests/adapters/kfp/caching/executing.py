"""Runs pipelines with `kfp.local`, in this process, and tells which components were executed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

__all__ = ["QUIET", "compiled", "run"]

QUIET = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)  # of kfp, its local runner and its libraries


def compiled(pipeline: Any, folder: Path) -> Path:
    """The file that the SDK's compiler makes of a pipeline."""
    from kfp import compiler

    path = folder / "pipeline.yaml"
    compiler.Compiler().compile(pipeline, str(path))
    return path


def run(text: str, root: Path, *, caching: bool = False, **arguments: Any) -> tuple[dict[str, Any], list[str]]:
    """The outputs of a pipeline, and the components that were executed, sorted.

    Args:
        text: the compiled pipeline.
        root: where everything is written.
        caching: whether the local runner uses its cache.
        arguments: of the pipeline.
    """
    from kfp import components, local
    from kfp.local import task_dispatcher

    executed: list[str] = []
    execute = task_dispatcher.run_single_task_implementation

    def counted(**given: Any) -> Any:
        executed.append(given["component_name"])
        return execute(**given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task_dispatcher, "run_single_task_implementation", counted)
        local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(root), enable_caching=caching)
        outputs = components.load_component_from_text(text)(**arguments).outputs
    return outputs, sorted(executed)
