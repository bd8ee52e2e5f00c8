"""Values of parameters, tags that read them, and keys made of them: what Argo would substitute."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Path", "Value", "config_map_of", "digest", "key_of", "substituted"]

Path = tuple[str, ...]

TAG = re.compile(r"\{\{(.*?)\}\}")
CHOICE = re.compile(r"(\S+) == '(.*)' \? '(.*)' : '(.*)'")
MEMBER = re.compile(
    r"'([^']*)'|(inputs|workflow)\.parameters\['([^']*)'\]|(workflow\.(?:namespace|serviceAccountName))"
)


@dataclass(frozen=True)
class Value:
    """A parameter's value, and the steps that handed it on."""

    text: str
    by: frozenset[Path] = frozenset()


def substituted(text: str, scope: Mapping[str, Value]) -> Value:
    """A text with its tags replaced, and the steps that handed on what stands there now."""
    by: set[Path] = set()

    def resolved(tag: re.Match[str]) -> str:
        inner = tag[1].strip()
        choice = CHOICE.fullmatch(inner.removeprefix("="))
        value = scope.get((choice[1] if choice else inner.removeprefix("=")), Value("missing"))
        by.update(value.by)
        return (choice[3] if value.text == choice[2] else choice[4]) if choice else value.text

    return Value(TAG.sub(resolved, text), frozenset(by))


def key_of(template: Mapping[str, Any], inputs: Mapping[str, str], scope: Mapping[str, Value]) -> str | None:
    """What Argo makes of a key of ours; None for a template without one."""
    memoize = template.get("memoize")
    if memoize is None or not memoize["cache"]["configMap"]["name"].startswith("couler-cache"):
        return None
    text = memoize["key"].removeprefix("{{=sprig.sha256sum(toJson([").removesuffix("]))}}")
    values: list[str] = []
    for part in text.split(", "):
        found = MEMBER.fullmatch(part)
        assert found is not None, part
        if found[1] is not None:
            values.append(found[1])
        elif found[4] is not None:
            values.append(scope[found[4]].text)
        else:
            values.append(inputs[found[3]] if found[2] == "inputs" else scope[f"workflow.parameters.{found[3]}"].text)
    written = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    written = re.sub("[<>&\u2028\u2029]", lambda sign: f"\\u{ord(sign[0]):04x}", written)
    return hashlib.sha256(written.encode()).hexdigest()


def config_map_of(template: Mapping[str, Any], inputs: Mapping[str, str], scope: Mapping[str, Value]) -> str:
    """What Argo makes of the name of a ConfigMap of ours."""
    memoize = template["memoize"]
    name: str = memoize["cache"]["configMap"]["name"]
    prefix, _, tag = name.partition("{{=sprig.trunc(2, ")
    assert tag == memoize["key"].removeprefix("{{=").removesuffix("}}") + ")}}", "not the hash that is the key"
    key = key_of(template, inputs, scope)
    assert key is not None
    return prefix + key[:2]


def digest(data: Any) -> str:
    """A hash of JSON-like data."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
