"""From a plan back to Tekton's documents: changes carried into the originals, each edit traced to its decision."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, partial
from typing import Any

from couler_plugins.documents import Edit, Path
from couler_plugins.documents.mappings import part_at
from couler_plugins.engine_kit.lowering import Lowering
from couler_plugins.engine_kit.merge import Merge, Sources, shared_nodes, with_part
from couler_plugins.ir import Workflow
from couler_plugins.plan import Lowered, Plan
from couler_tekton.feature_gates import features, refuse_beyond, refuse_unseen
from couler_tekton.generating.pipelines import pipeline_run
from couler_tekton.kinds import KINDS
from couler_tekton.plugin import Options
from couler_tekton.split.nesting import nested
from couler_tekton.support import unsupported
from couler_tekton.versions import is_older
from couler_tekton.writing import Writing


def _names_of(edit: Edit, sides: tuple[Any, Any], depth: int) -> list[str]:
    """The task or pipeline that an edit belongs to, and those around it.

    Args:
        edit: the difference.
        sides: the object that it is in, before and after.
        depth: how long the path of the object in its document is.
    """
    path, side = (edit.before, 0) if edit.after is None else (edit.after, 1)
    around = _subject((path or ())[depth:], sides[side]).split("/")
    return ["/".join(around[:end]) for end in range(len(around), 0, -1)]


def _subject(path: Path, data: Any) -> str:
    """The pipeline or task that a path leads into, or `pipeline/task`; empty for anything else of the object."""
    kind = KINDS[data["kind"]]
    if path[:2] == ("spec", "taskRunSpecs"):
        items = data["spec"]["taskRunSpecs"]
        return f"{kind.root}/{items[int(path[2]) if len(path) > 2 else 0].get('pipelineTaskName', '')}"
    inside = path[:1] == ("spec",) and (not kind.runs or path[1:2] == (f"{kind.root}Spec",))
    names = [kind.root] if inside else []
    list_key: object = None
    for key in path if inside else ():
        data = data[key]
        if list_key in ("tasks", "finally") and isinstance(data, dict):
            names.append(str(data.get("name", "")))
        list_key = key
    return "/".join(names)


def lower(plan: Plan, options: Options) -> Lowered:
    """The documents of a plan.

    Args:
        plan: workflows with an origin become their document again, the others a document of their own each.
        options: the API fields of the cluster, the image for containers of other engines that say none, and whether
            parts of what was split are written as pipelines in a pipeline.

    Raises:
        Unsupported: a workflow without an origin has something that Tekton cannot say.
    """
    return _Lowering(plan, options.api, options.image, options.parts == "nested").lowered()


class _Lowering(Lowering):
    """Lowers to objects for a cluster with some API fields."""

    def __init__(self, plan: Plan, api: str, image: str, nesting: bool) -> None:
        super().__init__(plan, always=nesting)
        self._nesting = nesting
        self._image = image
        self._api = api

    def generate(self, workflow: Workflow) -> Iterator[Any]:
        label = workflow.label
        if workflow.engine != "tekton":
            workflow, notes = pipeline_run(workflow, self._image)
            self.decisions += notes
        document = Writing(workflow).document()
        refuse_unseen(self._api, self._seen, document, label)
        yield document

    @cached_property
    def _seen(self) -> frozenset[str]:
        """The features that objects of these files have, which their cluster then allows in new ones, too."""
        documents = self.plan.bundle.documents
        return frozenset(
            feature.name
            for source in (original.source for original in self.plan.originals if original.source is not None)
            for feature in features(part_at(documents[int(source[0])].data, source[1:]))
        )

    def patch(self, workflow: Workflow, original: Workflow, document: int) -> None:
        if self._nesting:
            workflow, notes = nested(workflow, self.plan)
            self.decisions += notes
        if workflow.kind != original.kind:
            raise unsupported("Workflow.kind", workflow.label, f"is a {original.kind}, and stays one")
        whole, path = self.data(document), (original.source or ())[1:]
        native, documents = part_at(whole, path), {document: whole}
        shared = set() if is_older(original.kind, native["apiVersion"]) else shared_nodes(original, workflow)
        before, after = (Writing(item, Sources(documents, shared)) for item in (original, workflow))
        merge = Merge(before.sources, after.sources)
        result = merge.merged(native, before.document(), after.document(), (document, *path))
        refuse_beyond(self._api, native, result, workflow.label)
        decisions = self.plan.decisions_about(document, original.label, workflow.label)
        # An object around one task has no other decisions than those about that task.
        last = decisions[-1][0] if decisions and KINDS[original.kind].root == "task" else None
        names_of = partial(_names_of, sides=(native, result), depth=len(path))
        self.record(document, with_part(whole, path, result), merge.origins, names_of, decisions, last)
