"""A Hera service that makes several submissions of one, where an optimizer makes several documents of a workflow.

Hera has no hook that could: a hook gives one workflow for one. But whatever is created goes through its service.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from couler_argo.hera.objects import WAY_OUT, hera_classes
from couler_argo.hera.run import Settings, results_of
from couler_argo.run.runner import ArgoRunner
from couler_plugins.documents import diff, render
from couler_plugins.errors import Unsupported, one_line
from couler_plugins.hookspecs.running import Request, Where

if TYPE_CHECKING:
    from hera.workflows import WorkflowsService


log = logging.getLogger(__name__)


def service_of(settings: Settings, where: Where | None, connection: dict[str, Any]) -> WorkflowsService:
    """See `couler_argo.hera.services`."""
    hera_classes()  # says what is wrong where Hera is not what it should be
    service: WorkflowsService = _service_class()(settings, where, **connection)
    return service


@cache
def _service_class() -> type[Any]:
    """The class, made once Hera is known to be there."""
    from hera.workflows import WorkflowsService

    class OptimizingService(WorkflowsService):  # type: ignore[misc,unused-ignore]  # Hera's models are built at run time
        """Optimizes each workflow that is created, and creates all that came of it, the workflow itself last."""

        def __init__(self, settings: Settings, where: Where | None, **connection: Any) -> None:
            super().__init__(**connection)
            self._settings, self._where = settings, where

        def create_workflow(self, req: Any, namespace: str | None = None) -> Any:
            """Creates the workflow, and before that what it needs; a dry run has the server check both.

            Raises:
                CoulerError: the pipeline failed, or Hera cannot hold what it made.
                HeraException: the server refused something.
            """
            namespace = namespace if namespace is not None else self.namespace
            workflow, others = _split(_plain(req.workflow), self._settings)
            templates = [item for item in others if item.get("kind") == "WorkflowTemplate"]
            models = [_model(item) for item in (*templates, workflow)]  # before anything is created
            if not req.server_dry_run:
                _put_beside([item for item in others if item not in templates], self._where, str(namespace))
            for item, model in zip(templates, models, strict=False):
                if req.server_dry_run:
                    self._check_template(model, namespace)
                else:
                    self._put_template(item, model, namespace)
            return super().create_workflow(req.model_copy(update={"workflow": models[-1]}), namespace)

        def _put_template(self, document: dict[str, Any], model: Any, namespace: str | None) -> None:
            from hera.exceptions import AlreadyExists
            from hera.workflows.models import WorkflowTemplateCreateRequest, WorkflowTemplateUpdateRequest

            try:
                self.create_workflow_template(WorkflowTemplateCreateRequest(template=model), namespace)
            except AlreadyExists:
                name = document["metadata"]["name"]
                existing = self.get_workflow_template(name, namespace)
                if _plain(existing)["spec"] == document["spec"]:
                    return
                # The version makes it an error if somebody has changed it since.
                model.metadata.resource_version = existing.metadata.resource_version
                self.update_workflow_template(name, WorkflowTemplateUpdateRequest(template=model), namespace)
                log.info("the WorkflowTemplate %s was there, and was changed", name)

        def _check_template(self, model: Any, namespace: str | None) -> None:
            from hera.workflows.models import WorkflowTemplateLintRequest

            self.lint_workflow_template(WorkflowTemplateLintRequest(template=model), namespace)

    return OptimizingService


def _split(document: dict[str, Any], settings: Settings) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The workflow as it is to be, and what it needs beside it."""
    (workflow, *others), _ = results_of(document, settings)
    return workflow, others


def _put_beside(documents: Sequence[dict[str, Any]], where: Where | None, namespace: str) -> None:
    """Puts in place what Argo's own server has no way to: by the Kubernetes API, where there is one to reach."""
    if not documents:
        return
    if where is None:
        names = ", ".join(f"{item.get('kind')} {item['metadata']['name']}" for item in documents)
        log.warning("Argo's server cannot create %s: apply what is not there, or give service(where=Where())", names)
        return
    import msgspec

    runner = ArgoRunner(msgspec.structs.replace(where, namespace=where.namespace or namespace))
    request = Request(run="hera")
    for job in runner.jobs(documents, request):
        log.info("%s: %s", job.name, runner.submit(job, request).outcome)


def _plain(model: Any) -> dict[str, Any]:
    document: dict[str, Any] = model.model_dump(mode="json", exclude_none=True, by_alias=True)
    return document


def _model(document: dict[str, Any]) -> Any:
    """Hera's model of a document.

    Raises:
        Unsupported: it would lose or change a part of it.
    """
    from hera.workflows import models

    name = f"{document['kind']} {document['metadata'].get('name') or document['metadata'].get('generateName')}"
    refused = partial(Unsupported, file=name, engine="argo", feature="hera", hint=WAY_OUT)
    try:
        model = getattr(models, document["kind"]).model_validate(document)
    except (AttributeError, ValueError) as error:  # pydantic's, too
        raise refused(f"Hera cannot hold it: {one_line(error)}") from error
    difference = next(iter(diff(document, _plain(model))), None)
    if difference is not None:
        path = difference.before or difference.after or ()
        raise refused(f"Hera would lose or change {render(path)}", path=path)
    return model
