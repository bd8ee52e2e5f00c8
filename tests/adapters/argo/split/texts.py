"""Texts with Argo's tags, filled in with symbols; see `runs`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["Broken", "Failed", "evaluated", "filled", "handed", "packed", "seen_of", "stored_key"]

TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
STORED_KEY = re.compile(
    r"let stored = fromJSON\(toJson\(((?:tasks|steps).+)\)\); "
    r"stored\.s3\?\.key \?\? stored\.gcs\?\.key \?\? stored\.oss\?\.key \?\? stored\.azure\.blob"
)
MEMBER = re.compile(r"\['([^']+)'\]")
SAME_IN_PARTS = ("workflow.namespace", "workflow.serviceAccountName")
"""What a workflow that is applied has of the one that applies it."""
CHAIN = re.compile(r"\b(?:tasks|steps|inputs|workflow)(?:\.\w+|\['[^']+'\]|\[\"[^\"]+\"\])+")
INPUT = re.compile(r"inputs\.parameters(?:\.(\w+)|\['([^']+)'\])")
PARAMETER = re.compile(r"workflow\.parameters\['([^']+)'\]")
EXPRESSION = {
    "json": re.compile(rf"toJson\({INPUT.pattern}\)"),
    "digest": re.compile(r"sprig\.substr\(0, (\d+), sprig\.sha256sum\(toJson\(\[(.*)\]\)\)\)"),
    "run": re.compile(r"workflow\.parameters\['couler-run'\] == '' \? (.+) : workflow\.parameters\['couler-run'\]"),
}


class Broken(Exception):
    """Something that a cluster would refuse, or wait for in vain."""


class Failed(Exception):
    """A leaf has failed, and so does all that it is in."""


def filled(text: str, scope: Mapping[str, str]) -> str:
    """A text with its tags filled in; one that nothing stands for is what a cluster would wait for in vain."""

    def value(tag: re.Match[str]) -> str:
        inner = tag[1].strip()
        if inner.startswith("="):
            return evaluated(inner[1:], scope)
        if inner in scope:
            return str(scope[inner])
        if inner in SAME_IN_PARTS:
            return f"<{inner}>"
        if inner.startswith("workflow.") and not inner.startswith(("workflow.parameters.", "workflow.outputs.")):
            return f"<{inner} of {scope['workflow.uid']}>"
        if inner.startswith(("tasks.", "steps.", "inputs.", "workflow.")):
            raise Broken(f"nothing stands for {tag[0]}")
        return tag[0]

    return TAG.sub(value, text)


def evaluated(text: str, scope: Mapping[str, str]) -> str:
    """The few expressions that parts are made with; others stay, with their inputs filled in."""
    if match := EXPRESSION["digest"].fullmatch(text):
        literals = re.findall(r"'([0-9a-f]{64})'(?:,|$)", match[2])
        names = [name[1] or name[2] for name in INPUT.finditer(match[2])]
        values = [*literals, *(scope[f"inputs.parameters.{name}"] for name in names)]
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()[: int(match[1])]
    if match := EXPRESSION["json"].fullmatch(text):
        return json.dumps(scope[f"inputs.parameters.{match[1] or match[2]}"])
    if match := EXPRESSION["run"].fullmatch(text):
        chosen = scope["workflow.parameters.couler-run"]
        other = PARAMETER.sub(r"workflow.parameters.\1", match[1])
        return scope[other] if chosen == "" else chosen
    return "{{=" + CHAIN.sub(lambda chain: json.dumps(looked_up(chain[0], scope)), text) + "}}"


def looked_up(chain: str, scope: Mapping[str, str]) -> str:
    """What stands for a variable of an expression, however its members are written."""
    name = MEMBER.sub(r".\1", chain.replace('"', "'"))
    return filled(f"{{{{{name}}}}}", scope)


def stored_key(text: str, scope: Mapping[str, str]) -> str:
    """The key under which an artifact is stored."""
    match = STORED_KEY.fullmatch(text)
    artifact = scope.get(MEMBER.sub(r".\1", match[1])) if match else None
    if artifact is None:
        raise Broken(f"nothing stands for {text}")
    return f"<key {artifact}>"


def seen_of(prefix: str, made: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """What others can read of a task or step."""
    found = {
        ".".join(filter(None, (prefix, "outputs", plural, port))): value
        for plural, ports in made.items()
        for port, value in ports.items()
    }
    return {**found, f"{prefix}.outputs.parameters": json.dumps(made["parameters"])}


def handed(template: Any, scope: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What a graph hands out."""
    found: dict[str, dict[str, str]] = {"parameters": {}, "artifacts": {}}
    for port in (template.get("outputs") or {}).get("parameters", ()):
        source = port["valueFrom"]
        if STORED_KEY.fullmatch(source.get("expression", "")):
            found["parameters"][port["name"]] = stored_key(source["expression"], scope)
        elif "expression" in source:
            found["parameters"][port["name"]] = evaluated(source["expression"], scope)
        else:
            found["parameters"][port["name"]] = filled(source["parameter"], scope)
    for port in (template.get("outputs") or {}).get("artifacts", ()):
        bare = port.get("fromExpression")
        found["artifacts"][port["name"]] = filled(port["from"], scope) if bare is None else evaluated(bare, scope)
    return found


def packed(artifact: str, port: Mapping[str, Any]) -> str:
    """An artifact with how it is to be unpacked, where that is said: it decides what a leaf is given."""
    return f"{artifact} as {json.dumps(port['archive'])}" if "archive" in port else artifact
