"""Chains of tasks that hand on values and artifacts, and what becomes of them when they are fused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from adapters.kfp.argo_runs import ArgoRun
from conversions import plugins
from couler_plugins.api import optimize

__all__ = ["after", "container", "fused", "ran", "script", "template_of", "workflow"]

IMAGE = "busybox:1"


def script(name: str, source: str, command: str = "sh", /, **more: Any) -> dict[str, Any]:
    """A template with a script."""
    return {"name": name, "script": {"image": IMAGE, "command": [command], "source": source}, **more}


def container(name: str, *command: str, **more: Any) -> dict[str, Any]:
    """A template with a container."""
    return {"name": name, "container": {"image": IMAGE, "command": list(command)}, **more}


def after(name: str, before: str = "", **arguments: str) -> dict[str, Any]:
    """A task that calls the template of its name; arguments that begin with `from:` are artifacts."""
    task: dict[str, Any] = {"name": name, "template": name, **({"depends": before} if before else {})}
    values = [{"name": key, "value": text} for key, text in arguments.items() if not text.startswith("from:")]
    files = [{"name": key, "from": text[5:]} for key, text in arguments.items() if text.startswith("from:")]
    lists = {key: items for key, items in (("parameters", values), ("artifacts", files)) if items}
    return {**task, **({"arguments": lists} if lists else {})}


def workflow(tasks: list[Any], templates: list[Any], outputs: dict[str, str] | None = None, **spec: Any) -> Any:
    """A workflow of one dag.

    Args:
        tasks: of the dag.
        templates: what they call.
        outputs: of the dag, with the tags that they are.
        spec: what else its spec has.
    """
    handed = [{"name": name, "valueFrom": {"parameter": tag}} for name, tag in (outputs or {}).items()]
    main = {"name": "main", "outputs": {"parameters": handed}, "dag": {"tasks": tasks}}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "chain"},
        "spec": {"entrypoint": "main", "templates": [main, *templates], **spec},
    }


def fused(document: Any, pipeline: str = "fuse{allow=files,keep-original=false}") -> Any:
    """The document as `fuse` leaves it."""
    (result,) = optimize(document, pipeline, plugins=plugins()).documents
    return result


def template_of(document: Any, name: str) -> Any:
    """A template of a workflow."""
    return next(item for item in document["spec"]["templates"] if item["name"] == name)


def ran(document: Any, folder: Path) -> tuple[str, dict[str, Any]]:
    """The state in which the workflow ends, and the outputs of its dag."""
    run = ArgoRun(document, folder)
    return run.state, run.result
