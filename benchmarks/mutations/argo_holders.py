"""Documents of Argo whose templates run: what their owners say, and what they read from outside."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from adapters.argo.caching.values import digest
from benchmarks.mutations.argo_texts import Mapped, Scope, filled, text_of
from benchmarks.mutations.declaring import Owner, Sayings
from benchmarks.mutations.judging import Situation, Value

__all__ = ["Holder", "joined", "made_by", "outside", "reads_run", "value_for"]

TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
LOCATIONS = ("s3", "gcs", "oss", "http", "git", "hdfs", "raw", "artifactory", "azure", "plugin")
SOURCES = {
    "secret": re.compile(r"secretKeyRef|secretRef|[sS]ecret\"|sshPrivateKeySecret|accessKeySecret"),
    "configured": re.compile(r"configMapKeyRef|configMapRef|fieldRef|resourceFieldRef"),
}
RUN = re.compile(r"\b(?:workflow\.(?:name|uid|creationTimestamp|duration|status)|pod\.name|retries)\b")
NOTHING: Mapping[str, str] = MappingProxyType({})


class Holder:
    """A document whose templates run."""

    def __init__(self, document: Mapped, spec: Mapped, around: Scope, owner: Owner) -> None:
        self.spec, self.around, self.owner = spec, around, owner
        self.annotations = dict((document.get("metadata") or {}).get("annotations") or {})
        self.templates = {template["name"]: template for template in spec.get("templates") or ()}

    def mounts(self, template: Mapped) -> bool:
        """Return whether something is mounted that is not empty at first."""
        declared = {}
        for item in [
            *(self.spec.get("volumes") or ()),
            *(self.spec.get("volumeClaimTemplates") or ()),
            *(template.get("volumes") or ()),
        ]:
            declared[(item.get("metadata") or item).get("name", "")] = "emptyDir" in item
        text = json.dumps({key: part for key, part in template.items() if key != "volumes"})
        mounts = [mount for found in re.findall(r'"volumeMounts": (\[.*?\])', text) for mount in json.loads(found)]
        return any(not declared.get(mount.get("name"), False) for mount in mounts)

    def content(
        self, port: Mapped, there: Mapping[str, str], situation: Situation, datasets: Mapping[str, str] = NOTHING
    ) -> str:
        """Return what is in an artifact: one of a step, by its name in `there`, or one from outside."""
        source = port.get("from") or port.get("fromExpression")
        if source is not None:
            inner = str(source).strip("{}= ")
            if inner in there:
                return digest([there[inner], port.get("subPath")])
            parts = sorted({name: text for name, text in there.items() if name in str(source)}.items())
            return digest([source, parts, situation.run if not parts else ""])
        place = {key: port[key] for key in LOCATIONS if key in port}
        text = json.dumps(place, sort_keys=True)
        named = port.get("name") in datasets
        commit = re.fullmatch(r"[0-9a-f]{40}", str(place.get("git", {}).get("revision", "")))
        fixed = set(place) == {"raw"} or commit is not None
        for scheme in ("s3", "gcs", "http"):
            location = place.get(scheme) or {}
            prefix = {"s3": "s3", "gcs": "gs"}.get(scheme)
            url = f"{prefix}://{location.get('bucket')}/{location.get('key')}" if prefix else str(location.get("url"))
            url = f"repository:{location.get('key')}" if prefix and "bucket" not in location else url
            fixed = fixed or bool(location and self.owner.immutable(url))
        if named:
            return digest([text, "version", datasets[port["name"]]])
        return digest([text] if fixed else [text, situation.world])

    def says(self, template: Mapped, step: Mapped, graph: Mapped) -> Sayings:
        """Return what the owner says of a step."""
        texts = self.annotations
        own = dict((template.get("metadata") or {}).get("annotations") or {})
        place = f"{graph.get('name', '')}.{step.get('name', '')}"
        for key in ("couler.io/cache", "couler.io/cache-allow"):
            own |= {key: texts[f"{key}.{place}"]} if f"{key}.{place}" in texts else {}
        around = {**texts, **((graph.get("metadata") or {}).get("annotations") or {})}
        mains = [template[key] for key in ("container", "script") if key in template]
        mains += (template.get("containerSet") or {}).get("containers") or []
        steps = [str(step.get("name", "")), f"{graph.get('name', '')}/{step.get('name', '')}"]
        images = [str(item.get("image", "")) for item in mains]
        return self.owner.says(template.get("name", ""), steps, images, own, around)


def joined(theirs: Mapped | None, own: Mapped | None) -> Mapped:
    """Return the arguments of a library under those of who runs it."""
    found = {}
    for kind in ("parameters", "artifacts"):
        by_name = {item["name"]: item for one in (theirs, own) for item in (one or {}).get(kind) or ()}
        found[kind] = list(by_name.values())
    return found


def made_by(outputs: Sequence[Mapped], shown: str, scope: Scope) -> tuple[dict[str, Value], frozenset[str]]:
    """Return the values of a template's outputs and of what it prints, and which of them only repeat its inputs."""
    repeated = {item["name"]: item["value"] for item in outputs if "value" in item}
    computed = {name: Value(value_for(shown, name)) for name in (*(item["name"] for item in outputs), "result")}
    return computed | {name: filled(text_of(text), scope) for name, text in repeated.items()}, frozenset(repeated)


def value_for(shown: str, name: str) -> str:
    """Return a value that may be looped over."""
    one = digest([shown, name])
    return json.dumps([one[:4], one[4:8]])


def outside(here: Holder, template: Mapped, text: str, says: Sayings) -> bool:
    """Return whether a template, written as JSON, reads what is outside of it, and that is not waived."""
    words = [word for word, pattern in SOURCES.items() if pattern.search(text)]
    words += ["volume"] if here.mounts(template) else []
    return any(word not in says.waived for word in words)


def reads_run(text: str) -> bool:
    """Return whether the tags in a text name what is another in each run."""
    return RUN.search(" ".join(TAG.findall(text))) is not None
