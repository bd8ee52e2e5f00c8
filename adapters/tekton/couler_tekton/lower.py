"""From a plan back to Tekton's documents, with every edit traced to the decision behind it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from couler_plugins.documents import Path, diff
from couler_plugins.errors import CoulerError
from couler_plugins.ir import Source, Workflow
from couler_plugins.plan import Lowered, Plan, TracedEdit
from couler_tekton.feature_gates import features, refuse_beyond, refuse_unseen
from couler_tekton.generating.pipelines import pipeline_run
from couler_tekton.objects import part_at
from couler_tekton.patching import Patch
from couler_tekton.plugin import Options
from couler_tekton.split.nesting import nested
from couler_tekton.support import unsupported
from couler_tekton.tracing import trace
from couler_tekton.writing import Writing

__all__ = ["lower"]


def lower(plan: Plan, options: Options) -> Lowered:
    """The documents of a plan.

    Args:
        plan: workflows with an origin become their document again, the others a document of their own each.
        options: the API fields of the cluster, the image for containers of other engines that say none, and whether
            parts of what was split are written as pipelines in a pipeline.

    Raises:
        Unsupported: a workflow without an origin has something that Tekton cannot say.
    """
    return _Lowerer(plan, options.api, options.image, options.parts == "nested").lowered()


class _Lowerer:
    """Lowers the workflows of a plan, one after another; one that cannot be written refuses its file."""

    def __init__(self, plan: Plan, api: str, image: str, nesting: bool) -> None:
        self._plan = plan
        self._nesting = nesting
        self._image = image
        self._decisions = list(plan.decisions)
        self._api = api
        self._originals: dict[Source, Workflow] = {
            original.source: original for original in plan.originals if original.source is not None
        }
        self._changed: dict[int, Any] = {}
        self._edits: list[TracedEdit] = []
        self._added: list[Any] = []
        self._refused: dict[int, Exception] = {}

    def lowered(self) -> Lowered:
        bundle = self._plan.bundle
        for workflow in self._plan.workflows:
            original = self._originals.get(workflow.source) if workflow.source is not None else None
            if original is None or original.source is None:
                self._added.append(self._generated(workflow))
                refuse_unseen(self._api, self._seen, self._added[-1], workflow.label)
            elif workflow is not original or self._nesting:
                document = int(original.source[0])
                file = bundle.file_numbers[document]
                try:
                    self._patch(self._as_asked(workflow), original, document, original.source[1:])
                except CoulerError as error:
                    error.file = error.file or bundle.files[file].name
                    self._refused[file] = error
        refused = {number for number, file in enumerate(bundle.file_numbers) if file in self._refused}
        return Lowered(
            bundle=bundle,
            changed={number: data for number, data in self._changed.items() if number not in refused},
            added=(*self._added, *self._plan.side),
            edits=tuple(edit for edit in self._edits if edit.document not in refused),
            decisions=tuple(self._decisions),
            refused=self._refused,
        )

    def _generated(self, workflow: Workflow) -> Any:
        if workflow.engine == "tekton":
            return Writing(workflow).document()
        written, notes = pipeline_run(workflow, self._image)
        self._decisions += notes
        return Writing(written).document()

    def _as_asked(self, workflow: Workflow) -> Workflow:
        if self._nesting:
            workflow, decisions = nested(workflow, self._plan)
            self._decisions += decisions
        return workflow

    @cached_property
    def _seen(self) -> frozenset[str]:
        """The features that objects of these files have, which their cluster then allows in new ones, too."""
        documents = self._plan.bundle.documents
        return frozenset(
            feature.name
            for source in self._originals
            for feature in features(part_at(documents[int(source[0])].data, source[1:]))
        )

    def _patch(self, workflow: Workflow, original: Workflow, document: int, path: Path) -> None:
        if workflow.kind != original.kind:
            raise unsupported("Workflow.kind", workflow.label, f"is a {original.kind}, and stays one")
        whole = self._changed.get(document, self._plan.bundle.documents[document].data)
        native, writing = part_at(whole, path), Writing(workflow)
        patch = Patch(writing.sources)
        after = patch.patched(native, Writing(original).document(), writing.document(), path)
        refuse_beyond(self._api, native, after, workflow.label)
        changed = _with_at(whole, path, after)
        edits = diff(whole, changed, patch.origins)
        if edits:
            decisions = self._plan.decisions_about(document, original.label, workflow.label)
            self._edits.extend(trace(edits, document, (native, after), len(path), decisions))
            self._changed[document] = changed


def _with_at(data: Any, path: Path, content: Any) -> Any:
    """`data` with other content under a path."""
    if not path:
        return content
    inner = _with_at(data[path[0]], path[1:], content)
    if isinstance(data, list):
        return [inner if number == path[0] else item for number, item in enumerate(data)]
    return {**data, path[0]: inner}
