"""Cache keys that are out of date: a manifest that was edited after it was optimised, found by computing them anew."""

from __future__ import annotations

from collections.abc import Iterator

from couler_argo.caching import ArgoCaching
from couler_argo.key_specs import KEY_SPEC, read_specs
from couler_argo.lift import lift_manifest, lift_unfolded
from couler_argo.manifests import SPEC_PATHS, Manifest, manifests
from couler_plugins.caching.analysis import Analysis
from couler_plugins.caching.application import stripped
from couler_plugins.caching.keys import LINEAGE
from couler_plugins.caching.libraries import NO_LINEAGE
from couler_plugins.documents import Path, Remark
from couler_plugins.errors import CoulerError
from couler_plugins.ir import Call, Directive, Operation, Source, Step, Value, Workflow, callables
from couler_plugins.ir.bundle import Bundle

__all__ = ["stale_keys"]

CODE = "stale-key"
HINT = "optimise the manifest again: `couler optimize`, with the same options as before"


def stale_keys(bundle: Bundle) -> Iterator[Remark]:
    """A remark on each template whose key does not cover any more what it was made to cover."""
    for number, document in enumerate(bundle.documents):
        for manifest in manifests(document.data):
            yield from _stale(manifest, number)


def _stale(manifest: Manifest, number: int) -> Iterator[Remark]:
    text = _annotation(manifest)
    if text is None:
        return
    place = (*manifest.path, "metadata", "annotations", KEY_SPEC)
    try:
        specs = read_specs(lift_unfolded(manifest, number))
        workflow = lift_manifest(manifest, number)
    except CoulerError:
        return  # what is wrong with it is said by the other checks
    if not specs:
        yield Remark(number, place, "error", CODE, f"{KEY_SPEC} does not say which keys cover what", HINT)
        return
    checker = _Checker(workflow)
    templates = (*manifest.path, *SPEC_PATHS[manifest.kind], "templates")
    named = callables(workflow)
    for name in specs:
        if name not in named or name not in checker.cached:
            message = f"{KEY_SPEC} names {name!r}, which is not memoized as it was"
            path = _path(named[name].source, templates) if name in named else place
            yield Remark(number, path, "error", CODE, message, HINT)
    for name, source, message in checker.problems():
        yield Remark(number, _path(source, templates), "error", CODE, f"{name!r}: {message}", HINT)


class _Checker:
    """Computes the keys of one workflow anew, once as declared and once as with --assume-pure."""

    def __init__(self, workflow: Workflow) -> None:
        self._library = bool(workflow.library)
        bare = stripped(workflow)
        facet = ArgoCaching(bare)
        self._analyses = [Analysis(bare, facet, assume_pure=pure) for pure in (False, True)]
        self._operations = {item.name: item for item in workflow.operations}
        self._steps = {(graph.name, step.name): step for graph in workflow.graphs for step in graph.steps}
        if workflow.entry is not None:
            self._steps["", workflow.entry.name] = workflow.entry
        calls = {place: self._directive(step) for place, step in self._steps.items()}
        self._calls = {place: directive for place, directive in calls.items() if directive is not None}
        self.cached = {step.call.name for place in self._calls if isinstance((step := self._steps[place]).call, Call)}
        self.cached |= {item.name for item in workflow.operations if item.directives}

    def _directive(self, step: Step) -> Directive | None:
        callee = self._operations.get(step.call.name) if isinstance(step.call, Call) else None
        asked = (*step.directives, *callee.directives) if isinstance(callee, Operation) else ()
        return next((item for item in asked if item.kind == "cache"), None)

    def problems(self) -> Iterator[tuple[str, Source | None, str]]:
        """What is out of date: the name of the template or step, where it is, and what changed."""
        told = set()
        for item in self._operations.values():
            called = [place for place, step in self._steps.items() if step.call == Call(name=item.name)]
            directives = [*item.directives, *(self._calls[place] for place in called if place in self._calls)]
            for directive in directives[:1]:
                options = dict(directive.options)
                if "spec" not in options:  # whoever asked for it made the key
                    continue
                changed = any(options["spec"] != spec for spec in self._specs(item, called))
                if changed or "key" in options or "config-map" in options:
                    what = "what it runs" if changed else "its memoization"
                    told.add(item.name)
                    yield item.name, item.source, f"{what} was changed after its key was made"
        for place, directive in self._calls.items():
            step = self._steps[place]
            callee = step.call.name if isinstance(step.call, Call) else ""
            handed = tuple(item.value for item in step.arguments if item.name.startswith(LINEAGE))
            if callee not in told and not self._covers(
                place, handed, int(str(dict(directive.options).get("lineage", 0)))
            ):
                yield step.name, step.source, "what runs before it was changed after its key was made"

    def _specs(self, item: Operation, called: list[tuple[str, str]]) -> list[str]:
        """The spec hashes that an operation has for its callers."""
        analysis = self._analyses[0]
        found = [verdict.facts for place in called if (verdict := analysis.verdicts.get(place)) is not None]
        return [facts.spec for facts in found if facts is not None] or [
            analysis.facts(self._bare(item), result=False).spec
        ]

    def _bare(self, item: Operation) -> Operation:
        return next(found for found in self._analyses[0].workflow.operations if found.name == item.name)

    def _covers(self, place: tuple[str, str], handed: tuple[Value, ...], count: int) -> bool:
        found = [verdict.handed for item in self._analyses if (verdict := item.verdicts.get(place)) is not None]
        expected = [values or NO_LINEAGE if self._library and count else values for values in found]
        return len(handed) == count and handed in expected


def _annotation(manifest: Manifest) -> object:
    match manifest.data:
        case {"metadata": {"annotations": {"couler.io/key-spec": text}}}:
            return text
    return None


def _path(source: Source | None, templates: Path) -> Path:
    return source[1:] if source is not None else templates
