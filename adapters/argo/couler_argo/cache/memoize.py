"""The `cache` directive as Argo's native memoization: the key, the ConfigMap, where outputs go.

Sources: docs/memoization.md; `workflow/controller/operator.go` (the key is completed with all of the template, checked
against `^[a-zA-Z0-9][-a-zA-Z0-9]*$`, and a result that cannot be saved fails the node); Argo 4's CRDs require `maxAge`
beside `key`. Keys build on upstream's argo#11191 (the key covers only what the user puts in): ours covers all.

`executeTemplate` completes the whole template before it looks into the cache (from Argo 3.0 on), the name of the
ConfigMap too. So each run of a template names the shard that its own key belongs to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from couler_argo.cache import wrapping
from couler_argo.cache.material import hashed_values
from couler_argo.cache.wrappable import runs_as_root, wrapper_objection
from couler_argo.documents import rest_of, spec_of
from couler_argo.references import native
from couler_argo.spelling import write_native
from couler_argo.split.part_spec import family_of
from couler_plugins.caching.keys import LINEAGE, lineage_names
from couler_plugins.ir import Argument, Directive, Graph, Operation, Output, Port, Reference, Workflow, replace

OPTIONS = frozenset({"spec", "max-age", "lineage", "memoize", "key", "config-map"})
WRAPPER = "wrapper"
"""What the option `via` says of a result that a wrapper keeps instead of a memo entry."""
OUR_KEY = re.compile(r"\{\{=sprig\.sha256sum\(toJson\(\['(v\d+)', '([0-9a-f]{64})'[,\]]")
"""How every key begins that is made from a spec hash: what has one is ours, whatever else was done to it."""

PREFIX = "couler-cache"
"""How the names of our ConfigMaps begin."""
DIGITS = 2
"""Hexadecimal digits of a key that name its shard."""
ENTRY_BYTES, ARTIFACT_BYTES, PARAMETER_BYTES = 512, 768, 160
"""Upper estimates of what one memo entry takes: for itself, for each artifact (its whole location), each parameter."""
SHARDS = 16**DIGITS
"""ConfigMaps that a family of workflows has at most. The number stays, so that no key ever changes its shard."""
MAX_FAMILY = 40
KEPT = {"strategy": "Never", "podMetadata": {"annotations": {"couler.io/cache": "kept"}}}
"""No garbage collection for an artifact that a memo entry refers to; the annotation tells ours from an owner's."""

Template = Graph | Operation


def with_cache(workflow: Workflow, item: Template, directive: Directive) -> Template:
    """The template with the directive carried out.

    Its options: `spec` (the spec hash), `max-age` (a duration; empty for ever), `lineage` (how many lineage parameters
    the calls hand over), `memoize` (as JSON, what somebody has made of it by hand); or, without a spec, `key` and
    `config-map`; or a spec, `via: wrapper` and what `couler_argo.cache.wrapping` takes.

    Raises:
        ValueError: the options do not say what the key is.
    """
    options = dict(directive.options)
    spec, count = options.get("spec", ""), options.get("lineage", 0)
    wraps = isinstance(item, Operation) and options.pop("via", "") == WRAPPER and bool(spec)
    names = {*OPTIONS, *wrapping.OPTIONS} if wraps else OPTIONS
    if not names.issuperset(options) or not (spec or (options.get("key") and options.get("config-map"))):
        raise ValueError("a cache directive takes a spec, or a key and a config-map")
    if wraps and not options.keys() >= set(wrapping.OPTIONS):
        raise ValueError(f"a wrapper takes {', '.join(wrapping.OPTIONS)}")
    ports = tuple(Port(name=name) for name in lineage_names(int(count or 0)))
    parameters = [port for port in item.inputs if port.kind == "parameter"]
    artifacts = [port for port in item.inputs if port.kind == "artifact"]
    item = replace(item, inputs=(*parameters, *ports, *artifacts))
    if wraps and isinstance(item, Operation):
        around = spec_of(workflow)
        if (refusal := wrapper_objection(item, around)) is not None:
            raise ValueError(refusal.reason)
        if runs_as_root(item, around):
            options["security"] = "inherit"
        return wrapping.with_wrapper(item, _key_text(workflow, item, str(spec)), _family(workflow), options)
    item = replace(item, outputs=tuple(map(_kept, item.outputs)))
    key, name = _expression(workflow, item, str(spec)), options.get("config-map")
    memo = {
        "key": options.get("key", f"{{{{={key}}}}}"),
        "maxAge": options.get("max-age", ""),
        "cache": {"configMap": {"name": name or _shard_name(workflow, f"{{{{=sprig.trunc({DIGITS}, {key})}}}}")}},
    }
    return replace(item, memoized=native(json.loads(str(options["memoize"])) if "memoize" in options else memo))


def directive_of(workflow: Workflow, item: Template, mark: str | None) -> Directive | None:
    """The directive whose expansion a template holds; None where it holds none of ours.

    What is not as we would write it goes into the directive as it is, so that it stays until an optimizer decides anew.

    Args:
        workflow: the workflow that the template is in.
        item: the template.
        mark: what the document says of it: nothing, a spec hash, or (empty) that its key is made from none.
    """
    if isinstance(item, Operation) and (unwrapped := wrapping.unwrapped(item)) is not None:
        return _wrapper_directive(workflow, item, *unwrapped)
    memo = write_native(item.memoized) if item.memoized is not None else None
    options: dict[str, str | int] = {}
    if isinstance(memo, dict) and (spec := spec_in_key(item)) is not None:
        age = memo.get("maxAge")
        options = {"spec": spec, "max-age": age if isinstance(age, str) else ""}
        if count := sum(map(is_lineage, item.inputs)):
            options["lineage"] = count
        if (name := _shard_name(workflow, spec.partition(":")[2][:DIGITS])) == _name_in(memo):
            options["config-map"] = name  # versions before had a shard a template
        as_written = Directive(kind="cache", options=tuple(options.items()))
        if with_cache(workflow, without_cache(item), as_written).memoized != item.memoized:
            options["memoize"] = json.dumps(memo, sort_keys=True)
    elif mark == "":
        match memo:
            case {"key": str(key), "maxAge": str(age), "cache": {"configMap": {"name": str(name), **no}}, **other} if (
                not no and not other
            ):
                options = {"max-age": age, "key": key, "config-map": name}
    return Directive(kind="cache", options=tuple(sorted(options.items()))) if options else None


def _wrapper_directive(
    workflow: Workflow, item: Operation, bare: Operation, key: str, family: str, said: dict[str, str]
) -> Directive | None:
    spec = _spec_in(key)
    options: dict[str, str | int] = {**said, "via": WRAPPER, "spec": spec or ""}
    if count := sum(map(is_lineage, item.inputs)):
        options["lineage"] = count
    # A key that is not what we would write covers less, or more, than it says: the wrapper is somebody else's then.
    same = spec is not None and _key_text(workflow, bare, spec) == key and family == _family(workflow)
    return Directive(kind="cache", options=tuple(sorted(options.items()))) if same else None


def is_marked(item: Template) -> bool:
    """Whether a template is memoized or wrapped, by whomever."""
    return item.memoized is not None or (isinstance(item, Operation) and wrapping.unwrapped(item) is not None)


def spec_in_key(item: Template) -> str | None:
    """The spec hash that the key of a template was made from; None where its key is none of ours."""
    memo = write_native(item.memoized) if item.memoized is not None else None
    key = memo.get("key") if isinstance(memo, dict) else None
    if key is None and isinstance(item, Operation) and (unwrapped := wrapping.unwrapped(item)) is not None:
        key = unwrapped[1]
    return _spec_in(key) if isinstance(key, str) else None


def _spec_in(key: str) -> str | None:
    found = OUR_KEY.match(key)
    return f"{found[1]}:{found[2]}" if found else None


def without_cache(item: Template) -> Template:
    """The template without what `with_cache` adds."""
    if isinstance(item, Operation) and (unwrapped := wrapping.unwrapped(item)) is not None:
        item = unwrapped[0]
    inputs = tuple(port for port in item.inputs if not is_lineage(port))
    return replace(item, memoized=None, inputs=inputs, outputs=tuple(map(_released, item.outputs)))


def is_lineage(port: Port | Argument) -> bool:
    """Whether an input, or what is passed to it, has a name of ours."""
    return port.kind == "parameter" and re.fullmatch(rf"{LINEAGE}(-\d+)?", port.name) is not None


def _key_text(workflow: Workflow, item: Template, spec: str) -> str:
    """The key as Argo completes it when the template runs."""
    return f"{{{{={_expression(workflow, item, spec)}}}}}"


def _expression(workflow: Workflow, item: Template, spec: str) -> str:
    """The key in expr-lang: what `couler_plugins.caching.keys.key` computes."""
    version, _, content = spec.partition(":")
    values = [f"'{version}'", f"'{content}'", *map(_member, hashed_values(workflow, item))]
    return f"sprig.sha256sum(toJson([{', '.join(values)}]))"


def _member(reference: Reference) -> str:
    """A value as an expression reads it: in brackets, since `-`, a leading digit, `item` and `retries` need them."""
    if reference.to == "run":
        return ".".join((reference.name, *reference.path))
    holder = "inputs" if reference.to == "input" else "workflow"
    return f"{holder}.parameters['{reference.name}']"


def _shard_name(workflow: Workflow, shard: str) -> str:
    """The name of a ConfigMap that keeps results of this family of workflows."""
    return "-".join(part for part in (PREFIX, _family(workflow), shard) if part)


def _name_in(memo: Mapping[str, Any]) -> object:
    """The name of the ConfigMap of a memoization, as far as that can be read."""
    match memo:
        case {"cache": {"configMap": {"name": name}}}:
            return name
    return None


def _family(workflow: Workflow) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", family_of(workflow).lower())
    return name.strip("-")[:MAX_FAMILY].strip("-")


def _kept(output: Output) -> Output:
    """An output whose artifact the garbage collection leaves alone: the memo entry refers to it."""
    if output.kind != "artifact":
        return output
    rest = rest_of(output)
    return output if "artifactGC" in rest else replace(output, native_extra=native({**rest, "artifactGC": KEPT}))


def _released(output: Output) -> Output:
    """An output without our own exception from garbage collection."""
    rest = rest_of(output)
    if rest.pop("artifactGC", None) != KEPT:
        return output
    return replace(output, native_extra=native(rest) if rest else None)


def entry_bytes(operation: Operation, bound: int | None, *, result: bool) -> int:
    """Return how many bytes a memo entry of a template takes at most, with outputs of so many bytes."""
    artifacts = sum(1 for output in operation.outputs if output.kind == "artifact")
    parameters = len(operation.outputs) - artifacts
    printed = (bound or 0) if parameters or result else 0
    # JSON may write a byte as six (`\\u003c`).
    return ENTRY_BYTES + artifacts * ARTIFACT_BYTES + parameters * PARAMETER_BYTES + 6 * printed
