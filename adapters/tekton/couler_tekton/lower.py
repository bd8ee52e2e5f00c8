"""From a plan back to Tekton's documents: changes carried into the originals, each edit traced to its decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from typing import Any

from couler_plugins.documents import Edit, Path
from couler_plugins.documents.rewriting import same_data
from couler_plugins.engine_kit.lowering import Lowering
from couler_plugins.ir import Source, Workflow
from couler_plugins.plan import Lowered, Plan
from couler_tekton.feature_gates import features, refuse_beyond, refuse_unseen
from couler_tekton.generating.pipelines import pipeline_run
from couler_tekton.kinds import KINDS
from couler_tekton.objects import part_at
from couler_tekton.plugin import Options
from couler_tekton.split.nesting import nested
from couler_tekton.support import unsupported
from couler_tekton.writing import Writing

__all__ = ["Patch", "lower"]


# What changed between two versions of an object, carried over into the original: all else stays verbatim.


class Patch:
    """Patches one object.

    Args:
        sources: for tasks of the new version, by their `id`, where they were read in the bundle.

    Attributes:
        origins: for objects of the result, by their `id`, the path in the original of what they were made from.
    """

    def __init__(self, sources: Mapping[int, Source]) -> None:
        self._sources = sources
        self.origins: dict[int, Path] = {}

    def patched(self, native: Any, before: Any, after: Any, path: Path) -> Any:
        """`native`, changed where `after` differs from `before`; the same object where they do not differ.

        Args:
            native: what was read.
            before: what would be written for that.
            after: what is to be written.
            path: where `native` is in its document.
        """
        if same_data(before, after):
            return self._from(native, path)
        match native, before, after:
            case dict(), dict(), dict():
                return self._from(self._mapping(native, before, after, path), path)
            case list(), list(), list() if len(native) == len(before):
                return [self._item(native, before, item, path) for item in after]
        return after

    def _mapping(self, native: dict[str, Any], before: Any, after: Any, path: Path) -> dict[str, Any]:
        gone = before.keys() - after.keys()
        kept = {
            key: self.patched(content, before.get(key), after[key], (*path, key)) if key in after else content
            for key, content in native.items()
            if key not in gone
        }
        added = {
            key: content
            for key, content in after.items()
            if key not in native and not (key in before and same_data(before[key], content))
        }
        return {**kept, **added}

    def _item(self, native: list[Any], before: list[Any], item: Any, path: Path) -> Any:
        """An item of a list: made from the one that it was read as, or else from the one of the same name."""
        source = self._sources.get(id(item))
        if source is not None and source[1:-1] == path:
            number = int(source[-1])
        else:
            number = next((number for number, old in enumerate(before) if _alike(old, item)), len(before))
        if number >= len(before):
            return item
        return self.patched(native[number], before[number], item, (*path, number))

    def _from(self, content: Any, path: Path) -> Any:
        if isinstance(content, dict):
            self.origins[id(content)] = path
        return content


def _alike(old: Any, new: Any) -> bool:
    if isinstance(old, dict) and isinstance(new, dict) and "name" in new:
        return bool(old.get("name") == new["name"])
    return same_data(old, new)


# Which task, pipeline or step, and which decision, each edit of a document belongs to.


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
        native, writing = part_at(whole, path), Writing(workflow)
        patch = Patch(writing.sources)
        after = patch.patched(native, Writing(original).document(), writing.document(), path)
        refuse_beyond(self._api, native, after, workflow.label)
        decisions = self.plan.decisions_about(document, original.label, workflow.label)
        # An object around one task has no other decisions than those about that task.
        last = decisions[-1][0] if decisions and KINDS[original.kind].root == "task" else None
        names_of = partial(_names_of, sides=(native, after), depth=len(path))
        self.record(document, _with_at(whole, path, after), patch.origins, names_of, decisions, last)


def _with_at(data: Any, path: Path, content: Any) -> Any:
    """`data` with other content under a path."""
    if not path:
        return content
    inner = _with_at(data[path[0]], path[1:], content)
    if isinstance(data, list):
        return [inner if number == path[0] else item for number, item in enumerate(data)]
    return {**data, path[0]: inner}
