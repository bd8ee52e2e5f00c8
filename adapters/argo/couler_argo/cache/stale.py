"""Cache keys that are out of date: a manifest that was edited after it was optimised, found by computing them anew."""

from __future__ import annotations

from collections.abc import Iterator

from couler_argo.cache.cache import ArgoCache
from couler_argo.cache.memoize import WRAPPER, spec_in_key, without_cache
from couler_argo.cache.traces import COPY, KEY_SPEC, has_specs, read_specs, without_traces
from couler_argo.documents import SPEC_PATHS, Manifest, annotations_of, manifests
from couler_argo.lift import lift_manifest, lift_unfolded
from couler_argo.split.part_spec import PART_OF
from couler_plugins.caching.analysis import Analysis
from couler_plugins.caching.calls import calls_of, is_cache
from couler_plugins.caching.keys import LINEAGE
from couler_plugins.caching.libraries import NO_LINEAGE
from couler_plugins.caching.rows import DECLARED, recorded_rows
from couler_plugins.documents import Path, Remark
from couler_plugins.errors import CoulerError
from couler_plugins.ir import (
    Bundle,
    Call,
    Directive,
    Operation,
    Source,
    Step,
    Value,
    Workflow,
    callables,
    callee_of,
    replace,
    verify,
)

CODE, COPY_CODE = "stale-key", "private-copy"
KEY_START = "sprig.sha256sum(toJson(['v"
HINT = "optimise the manifest again: `couler optimize`, with the same options as before"


def stale_keys(bundle: Bundle) -> Iterator[Remark]:
    """A remark on each template whose key does not cover any more what it was made to cover."""
    return (
        remark
        for number, document in enumerate(bundle.documents)
        for manifest in manifests(document.data)
        for remark in _stale(manifest, number)
    )


def _stale(manifest: Manifest, number: int) -> Iterator[Remark]:
    if KEY_SPEC not in str(manifest.data) and KEY_START not in str(manifest.data):
        return
    try:
        unfolded = lift_unfolded(manifest, number)
        workflow = lift_manifest(manifest, number)
    except CoulerError:
        return  # what is wrong with it is said by the other checks
    if verify(workflow):
        return
    templates = (*manifest.path, *SPEC_PATHS[manifest.kind], "templates")
    for name, original in _edited_originals(unfolded):
        message = f"{name!r} is a copy that couler made of {original.name!r}, which is not the same any more"
        hint = f"make the change in both; or let the steps call {original.name!r} again, and optimise"
        yield Remark(number, _path(original.source, templates), "warning", COPY_CODE, message, hint)
    for name, source, message in _problems(unfolded, workflow):
        path = _path(source, (*manifest.path, "metadata", "annotations", KEY_SPEC)) or templates
        yield Remark(number, path, "error", CODE, f"{name!r}: {message}" if name else message, HINT)


def _path(source: Source | None, otherwise: Path) -> Path:
    return source[1:] if source is not None else otherwise


def _edited_originals(unfolded: Workflow) -> Iterator[tuple[str, Operation]]:
    """The private copies whose original was edited since: their names, and the originals."""
    named = {item.name: item for item in unfolded.operations if not item.inline}
    for name, item in named.items():
        match = COPY.fullmatch(name)
        original = named.get(match[1]) if match else None
        if original is None or spec_in_key(item) is None:
            continue
        if replace(without_cache(item), name=original.name) != without_cache(original):
            yield name, original


def _problems(unfolded: Workflow, workflow: Workflow) -> Iterator[tuple[str, Source | None, str]]:
    """What is out of date: the name of the template or step (empty for the index), where it is, and what is wrong."""
    specs, named = read_specs(unfolded), callables(unfolded)
    if has_specs(unfolded) and not specs:
        yield "", None, f"{KEY_SPEC} does not say which keys cover what"
    yield from (
        (name, None, f"{KEY_SPEC} names it, but there is no such template") for name in specs if name not in named
    )
    names_said = set()
    for name, item in named.items():
        spec = spec_in_key(item)
        if spec != (specs.get(name) or None):
            names_said.add(name)
            what = "is not memoized as it was" if spec is None else "has a key that is not that of this template"
            yield name, item.source, f"it {what}, by {KEY_SPEC}"
    for name, source, message in _Checker(workflow).problems():
        if name not in names_said:
            names_said.add(name)
            yield name, source, message
    if not names_said and without_traces(workflow) != workflow:
        yield "", workflow.source, "an object that caching added is not used any more"


def _wraps(directive: Directive) -> bool:
    return dict(directive.options).get("via") == WRAPPER


class _Checker:
    """Computes the keys of one workflow anew, once as declared and once as with --assume-pure."""

    def __init__(self, workflow: Workflow) -> None:
        self._library = bool(workflow.library)
        self._whole = PART_OF not in annotations_of(workflow)
        cache = ArgoCache(workflow)
        cache.rows = recorded_rows(annotations_of(workflow).get(DECLARED, ""))
        bare = cache.bare
        self._analyses = {
            wraps: [Analysis(bare, cache, assume_pure=pure, by_content=wraps) for pure in (False, True)]
            for wraps in (False, True)
        }
        self._operations = {item.name: item for item in workflow.operations}
        self._steps = calls_of(workflow)
        calls = {place: self._directive(step) for place, step in self._steps.items()}
        self._calls = {place: directive for place, directive in calls.items() if directive is not None}
        self._bare = {item.name: item for item in bare.operations}

    def _directive(self, step: Step) -> Directive | None:
        callee = callee_of(step, self._operations)
        directives = () if callee is None else (*step.directives, *callee.directives)
        return next(filter(is_cache, directives), None)

    def problems(self) -> Iterator[tuple[str, Source | None, str]]:
        """What is out of date: the name of the template or step, where it is, and what changed."""
        names_said = set()
        for item in self._operations.values():
            called = [place for place, step in self._steps.items() if step.call == Call(name=item.name)]
            directives = [*item.directives, *(self._calls[place] for place in called if place in self._calls)]
            for directive in directives[:1]:
                options = dict(directive.options)
                if "spec" not in options:  # whoever asked for it made the key
                    continue
                changed = any(options["spec"] != spec for spec in self._specs(item, called, _wraps(directive)))
                if changed or "memoize" in options:
                    what = "what it runs" if changed else "its memoization"
                    names_said.add(item.name)
                    yield item.name, item.source, f"{what} was changed after its key was made"
        for place, directive in self._calls.items() if self._whole else ():  # a part does not know what ran before it
            step = self._steps[place]
            callee = step.call.name if isinstance(step.call, Call) else ""
            lineages = tuple(item.value for item in step.arguments if item.name.startswith(LINEAGE))
            if callee not in names_said and not self._covers(place, lineages, directive):
                yield step.name, step.source, "what runs before it was changed after its key was made"

    def _specs(self, item: Operation, called: list[tuple[str, str]], wraps: bool) -> list[str]:
        """The spec hashes that an operation has for its callers."""
        analysis = self._analyses[wraps][0]
        result = [verdict.facts for place in called if (verdict := analysis.verdicts.get(place)) is not None]
        if not result:  # others call it
            result.append(analysis.from_outside(self._bare[item.name]).facts)
        return [facts.spec for facts in result if facts is not None]

    def _covers(self, place: tuple[str, str], lineages: tuple[Value, ...], directive: Directive) -> bool:
        count = int(str(dict(directive.options).get("lineage", 0)))
        analyses = self._analyses[_wraps(directive)]
        verdicts = [item.verdicts[place] for item in analyses if place in item.verdicts]
        without = NO_LINEAGE if self._library and count else ()
        return len(lineages) == count and lineages in [verdict.lineages or without for verdict in verdicts]
