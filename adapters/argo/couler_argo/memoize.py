"""The `cache` directive as Argo's native memoization: the key, the ConfigMap, where outputs go.

Sources: docs/memoization.md; `workflow/controller/operator.go` (the key is completed with all of the template, checked
against `^[a-zA-Z0-9][-a-zA-Z0-9]*$`, and a result that cannot be saved fails the node); Argo 4's CRDs require `maxAge`
beside `key`. Keys build on upstream's argo#11191 (the key covers only what the user puts in): ours covers all.
"""

from __future__ import annotations

import re
from typing import Any

from couler_argo.material import hashed_values
from couler_argo.references import native
from couler_argo.spelling import write_native
from couler_plugins.caching.keys import LINEAGE, lineage_names
from couler_plugins.ir import Directive, Graph, Operation, Output, Port, Reference, Workflow, replace

__all__ = ["directive_of", "with_cache", "without_cache"]

OPTIONS = frozenset({"spec", "max-age", "lineage", "key", "config-map"})
SHARDS = 2
"""Hexadecimal digits of the spec hash that name a shard: 256 ConfigMaps of at most 1 MiB a family of workflows."""
MAX_FAMILY = 40
KEPT = {"strategy": "Never", "podMetadata": {"annotations": {"couler.io/cache": "kept"}}}
"""No garbage collection for an artifact that a memo entry refers to; the annotation tells ours from an owner's."""

Template = Graph | Operation


def with_cache(workflow: Workflow, item: Template, directive: Directive) -> Template:
    """The template with the directive carried out.

    Its options: `spec` (the spec hash), `max-age` (a duration; empty for ever), `lineage` (how many lineage parameters
    the calls hand over), and `key` and `config-map`, which replace what would be made from the spec.

    Raises:
        ValueError: the options do not say what the key is.
    """
    options = dict(directive.options)
    spec, count = options.get("spec", ""), options.get("lineage", 0)
    if not OPTIONS.issuperset(options) or not (spec or (options.get("key") and options.get("config-map"))):
        raise ValueError("a cache directive takes a spec, or a key and a config-map")
    ports = tuple(Port(name=name) for name in lineage_names(int(count or 0)))
    parameters = [port for port in item.inputs if port.kind == "parameter"]
    artifacts = [port for port in item.inputs if port.kind == "artifact"]
    item = replace(item, inputs=(*parameters, *ports, *artifacts), outputs=tuple(map(_kept, item.outputs)))
    memo = {
        "key": options.get("key") or _key_text(workflow, item, str(spec)),
        "maxAge": options.get("max-age", ""),
        "cache": {"configMap": {"name": options.get("config-map") or config_map(workflow, str(spec))}},
    }
    return replace(item, memoized=native(memo))


def directive_of(workflow: Workflow, item: Template, spec: str) -> Directive | None:
    """The directive whose expansion a marked template holds; None where its owner has changed it since.

    What is not as we would write it goes into the directive as it is, so that it stays until an optimizer decides anew.
    """
    match item.memoized and write_native(item.memoized):
        case {"key": str(key), "maxAge": str(age), "cache": {"configMap": {"name": str(name), **no}}, **other} if (
            not no and not other
        ):
            options: dict[str, str | int] = {"max-age": age}
            if spec:
                options["spec"] = spec
            if count := sum(1 for port in item.inputs if _is_lineage(port)):
                options["lineage"] = count
            if not spec or key != _key_text(workflow, item, spec):
                options["key"] = key
            if not spec or name != config_map(workflow, spec):
                options["config-map"] = name
            return Directive(kind="cache", options=tuple(sorted(options.items())))
    return None


def without_cache(item: Template) -> Template:
    """The template without what `with_cache` adds."""
    inputs = tuple(port for port in item.inputs if not _is_lineage(port))
    return replace(item, memoized=None, inputs=inputs, outputs=tuple(map(_released, item.outputs)))


def _is_lineage(port: Port) -> bool:
    """Whether an input is one of ours."""
    return port.kind == "parameter" and re.fullmatch(rf"{LINEAGE}(-\d+)?", port.name) is not None


def _key_text(workflow: Workflow, item: Template, spec: str) -> str:
    """The key as Argo completes it when the template runs: `couler_plugins.caching.keys.key`, in expr-lang."""
    version, _, content = spec.partition(":")
    values = [f"'{version}'", f"'{content}'", *map(_member, hashed_values(workflow, item))]
    return f"{{{{=sprig.sha256sum(toJson([{', '.join(values)}]))}}}}"


def _member(reference: Reference) -> str:
    """A value as an expression reads it: in brackets, since `-`, a leading digit, `item` and `retries` need them."""
    if reference.to == "run":
        return ".".join((reference.name, *reference.path))
    holder = "inputs" if reference.to == "input" else "workflow"
    return f"{holder}.parameters['{reference.name}']"


def config_map(workflow: Workflow, spec: str) -> str:
    """The ConfigMap that keeps the results of templates with this spec hash."""
    family = re.sub(r"[^a-z0-9]+", "-", (workflow.name or workflow.prefix).lower()).strip("-")[:MAX_FAMILY].strip("-")
    shard = spec.partition(":")[2][:SHARDS]
    return "-".join(part for part in ("couler-cache", family, shard) if part)


def _kept(output: Output) -> Output:
    """An output whose artifact the garbage collection leaves alone: the memo entry refers to it."""
    if output.kind != "artifact":
        return output
    rest: dict[str, Any] = write_native(output.rest) if output.rest is not None else {}
    return output if "artifactGC" in rest else replace(output, rest=native({**rest, "artifactGC": KEPT}))


def _released(output: Output) -> Output:
    """An output without our own exception from garbage collection."""
    rest = write_native(output.rest) if output.rest is not None else {}
    if rest.get("artifactGC") != KEPT:
        return output
    others = {key: part for key, part in rest.items() if key != "artifactGC"}
    return replace(output, rest=native(others) if others else None)
