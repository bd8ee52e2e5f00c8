"""Why a template must not be cached, whatever its owner says, as far as only Argo knows.

Sources: `pkg/apis/workflow/v1alpha1` (Template, WorkflowSpec, Artifact); `workflow/controller/workflowpod.go` for which
volume a mount means.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

import msgspec

from couler_argo.cache.material import JOINED, reads_of, repeats_inputs
from couler_argo.documents import rest_of, spec_of
from couler_argo.ports import LOCATIONS
from couler_plugins.caching.declarations import DATASET, PLACE
from couler_plugins.caching.key_models.analyzed import AnalyzedCache
from couler_plugins.caching.rules import reference_objection
from couler_plugins.caching.waivers import source_rule
from couler_plugins.documents.mappings import Mapped, entries, mapping_at, under
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.ir import External, Operation, call_sites, references
from couler_plugins.plan import Plan

PATCH = "podSpecPatch"
KINDS = frozenset({"container", "script", "containerSet"})
PLAIN_DEFAULTS = frozenset(
    {
        *("container", "script", "serviceAccountName", "securityContext", "podSpecPatch", "metadata", "metrics"),
        *("retryStrategy", "timeout", "activeDeadlineSeconds", "parallelism", "failFast", "hostAliases"),
        *("nodeSelector", "affinity", "tolerations", "schedulerName", "priority", "priorityClassName"),
        *("automountServiceAccountToken", "executor", "synchronization"),
    }
)
"""What `templateDefaults` may hold; anything else would have to be joined with the template's own as Argo does."""

SOURCES = re.compile(r"\b(secretKeyRef|configMapKeyRef|fieldRef|resourceFieldRef|secretRef|configMapRef)\b")
SECRETS = re.compile(r'"(\w*(?:[sS]ecret|sshPrivateKey|accessKey)\w*)":')
PINNED = re.compile(r"[0-9a-f]{40}\Z")
PATCHES = (
    ("volume", "volumes", re.compile(r"\bvolumes?\b|\bvolumeMounts\b|\bhostPath\b")),
    ("configured", "variables", re.compile(r"\benvFrom\b")),
)
"""What a patch of a pod must not add, whose content nobody knows."""


def patching_callers(plan: Plan) -> dict[int, str]:
    """Return the workflows (by `id`) that run under a `podSpecPatch` of another one, with the label of that.

    Argo applies what the spec of a run says to the pods of all templates that it reaches, those of libraries included.
    """
    callers: dict[int, str] = {}
    pending = [(item, item.label) for item in plan.workflows if item.engine == "argo" and spec_of(item).get(PATCH)]
    while pending:
        caller, label = pending.pop()
        for site in call_sites(caller):
            call = site.step.call
            for library in plan.libraries.candidates(caller, call) if isinstance(call, External) else ():
                if id(library) not in callers:
                    callers[id(library)] = label
                    pending.append((library, label))
    return callers


def patched_by(caller: str) -> Objection:
    """Return the objection to templates whose pods another workflow changes."""
    return Objection(
        "patched", f"{caller!r} calls what is here, and its {PATCH}, which no key covers, changes the pods"
    )


def reuse_objections(spec: Mapped, operation: Operation, content: Mapped, cache: AnalyzedCache) -> Iterator[Objection]:
    """Why Argo's own facts forbid reusing what a template makes.

    Args:
        spec: what the workflow says around its templates.
        operation: the template.
        content: what it is, as `couler_argo.cache.material` gives it.
        cache: knows what the settings say, and how owners say more.
    """
    if operation.kind not in KINDS:
        yield Objection("kind", f"it is a {operation.kind} template, whose effect is outside of its outputs")
    template = content["template"]
    yield from _default_objections(spec, template)
    yield from filter(None, (reference_objection(reference, "it") for reference in reads_of(content)))
    text = json.dumps(content)
    named = [(source_rule(name), name) for name in SOURCES.findall(text)]
    named += [("secret", name) for name in SECRETS.findall(text)]
    yield from (
        Objection(rule, f"it reads {name}, whose content is unknown", seen=name)
        for rule, name in dict(reversed(named)).items()
    )
    yield from _volume_objections(spec, operation, template)
    for port in entries(mapping_at(template, "inputs"), "artifacts"):
        place = any(location in port for location in LOCATIONS)
        versioned = port.get("name") in content.get("datasets", {})
        objection = None if versioned or not place else place_objection(port, f"its input {port.get('name')!r}", cache)
        if objection is not None:
            remedy = cache.how_to_say(operation, f"{DATASET}{port.get('name')}")
            yield msgspec.structs.replace(objection, remedy=remedy, seen=f"{port.get('name')}")
    yield from (
        Objection("configured", f"its input {port.get('name')!r} comes from outside of the workflow")
        for port in entries(mapping_at(template, "inputs"), "parameters")
        if "valueFrom" in port
    )
    yield from (
        Objection("own-place", f"its output {port.get('name')!r} goes to a place of its owner's choice")
        for port in entries(mapping_at(template, "outputs"), "artifacts")
        if any(location in port for location in LOCATIONS)
    )
    for port in entries(mapping_at(template, "outputs"), "parameters"):
        origin = port.get("valueFrom") or {"path": ""}
        if not isinstance(origin, dict) or not {"path", "default"}.issuperset(origin):
            yield Objection("output", f"its output {port.get('name')!r} does not come from a file of its own")


def repeated_objections(operation: Operation, places: Mapping[str, str], cache: AnalyzedCache) -> Iterator[Objection]:
    """Why a template makes nothing that a cache could keep: all that it hands on is known before it runs.

    Args:
        operation: the template; nobody reads what it prints.
        places: what it does at which places.
        cache: knows how owners say more.
    """
    writes = "out" in ",".join(places.values()).split(",")
    if operation.outputs and not writes and all(map(repeats_inputs, operation.outputs)):
        names = [item.name for output in operation.outputs for item in references(output) if item.to == "input"]
        remedy = cache.how_to_say(operation, f"{PLACE}{names[0]}", "out") if names else ""
        reason = "its outputs only repeat its inputs: if they name places, declare each one that it reads or writes"
        yield Objection("no-outputs", reason, remedy=remedy)


def place_objection(content: Mapped, where: str, cache: AnalyzedCache) -> Objection | None:
    """Why an artifact at a place outside of the workflow forbids caching; None for one that cannot change."""
    match {key: content[key] for key in LOCATIONS if key in content}:
        case {"raw": dict(), **others} if not others and "{{" not in json.dumps(content):
            return None
        case {"git": {"revision": str(revision)}, **others} if not others and PINNED.match(revision):
            return Objection("secret", f"{where} needs credentials") if SECRETS.search(json.dumps(content)) else None
    if cache.declared.is_immutable(url := url_of(content)):
        return None
    reason = f"{where} is at a place whose content may change under it"
    named = f" that begins with {url.partition('{{')[0]!r}" if url else ""
    remedy = f"immutable = [a prefix of its URL{named}], in a row of [[cache.declare]]" if url else ""
    return Objection("unversioned-input", reason, remedy=remedy)


def url_of(content: Mapped) -> str:
    """The place of an artifact as a URL, with what is completed at run time as it is written; empty if it has none.

    A git repository has none: whatever never changes below its URL, its branches do.
    A key in the default repository is `repository:KEY`.
    """
    for scheme in ("s3", "gcs", "oss"):
        if isinstance(place := content.get(scheme), dict) and place.get("key"):
            bucket = place.get("bucket")
            return (
                f"{'gs' if scheme == 'gcs' else scheme}://{bucket}/{place['key']}"
                if bucket
                else f"repository:{place['key']}"
            )
    for kind, key in (("http", "url"), ("hdfs", "path")):
        place = content.get(kind)
        if isinstance(place, dict) and place.get(key):
            return f"{place[key]}"
    return ""


def volumes_of(spec: Mapped, operation: Operation) -> list[Mapped]:
    """Return the volumes that a template may mount, the nearest of a name last."""
    return [
        *entries(spec, "volumes"),
        *entries(spec, "volumeClaimTemplates"),
        *entries(rest_of(operation), "volumes"),  # a template's own come before those of the same name
    ]


def _volume_objections(spec: Mapped, operation: Operation, template: Mapped) -> Iterator[Objection]:
    empty = {str(item.get("name")): "emptyDir" in item for item in volumes_of(spec, operation)}
    for mounts in under(template, "volumeMounts", "volumeDevices"):
        for mount in mounts if isinstance(mounts, list) else [mounts]:
            name = mount.get("name") if isinstance(mount, dict) else None
            if not empty.get(str(name)):
                yield Objection("volume", f"it mounts the volume {name!r}, whose content is unknown", seen=f"{name}")
    patches = [patch for patch in (template.get("podSpecPatch"), spec.get("podSpecPatch")) if isinstance(patch, str)]
    yield from (
        Objection(rule, f"its podSpecPatch adds {what} of unknown content")
        for rule, what, pattern in PATCHES
        if any(map(pattern.search, patches))
    )


def _default_objections(spec: Mapped, template: Mapped) -> Iterator[Objection]:
    """Why `templateDefaults` forbid caching: what they add is only judged where it is plain."""
    for key, part in mapping_at(spec, "templateDefaults").items():
        if key not in PLAIN_DEFAULTS:
            yield Objection("defaults", f"templateDefaults give it {key!r}, which no cache key covers")
        elif key in ("container", "script") and isinstance(part, dict):
            both = [
                name for name, content in part.items() if isinstance(content, list) and JOINED in str(template.get(key))
            ]
            if both:
                yield Objection("defaults", f"it and templateDefaults both have {', '.join(sorted(both))}")
