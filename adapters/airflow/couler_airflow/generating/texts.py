r"""Values of other engines' workflows as texts that Airflow completes: what is known is filled in, the rest is Jinja.

Airflow renders every text of a template field by Jinja, which drops a last newline, reads other kinds of newlines as
`\n`, and looks up texts with the ending of a file (`template_ext`) as files. What it must not touch is wrapped in
`airflow.sdk.literal`, or spelt as a constant inside of a text that has to be rendered.
Sources: https://jinja.palletsprojects.com/en/stable/templates/, `airflow.sdk.definitions._internal.templater`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from couler_airflow.generating.printing import Call, Node
from couler_airflow.legal import refusal
from couler_plugins.engine_kit.legalize.conditions import is_outcome
from couler_plugins.engine_kit.legalize.values import joined as joined_parts
from couler_plugins.ir import FirstOf, Literal, Native, Reference, Template, Value


class Jinja(NamedTuple):
    """A Jinja expression, without the braces around it.

    Attributes:
        code: the expression, which gives a text.
        of: the function whose value that is: its task's number, and the name of the output (empty for the only one).
        exists: the expression that tells whether there is such a value; empty where there always is.
    """

    code: str
    of: tuple[int, str] | None = None
    exists: str = ""


class Item(NamedTuple):
    """The item of a loop over a list that is only known at run time, or what is under some keys of it."""

    keys: tuple[str, ...] = ()


class Variable(NamedTuple):
    """An environment variable of a container, which Kubernetes fills in.

    Attributes:
        name: its name.
        source: where its value comes from, in Kubernetes' words, as JSON.
    """

    name: str
    source: str


Text = tuple[str | Jinja | Item | Variable, ...]
"""A text, cut at what is only known at run time; neighbouring strings are one."""

FILES = (".bash", ".env", ".json", ".sh", ".sql", ".txt", ".yaml", ".yml")
"""Endings that operators, of this release or another, look up as files."""
TOUCHED = re.compile(r"\{+(?=[{%#\r]|\n?\Z)|\r\n?")
GO_EXPONENT = 1e21
"""From here on, Go writes numbers with an exponent."""
MARK = "\ue000"
ESCAPED = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}


RUN = "(dag.dag_id ~ '-' ~ run_id)|lower|replace('_', '-')|replace(':', '-')|replace('+', '-')|replace('.', '-')"
"""The name of a run, as one that Kubernetes takes for its objects."""


def _no_output(reference: Reference) -> Text:
    raise refusal("Step.arguments", "", f"refers to {reference.step!r}, which is not in its graph")


@dataclass(frozen=True)
class Scope:
    """What references stand for at one place.

    Attributes:
        parameters: the parameters of the workflow.
        inputs: the input parameters of the graph or operation, as far as they have a value.
        output: what an output of a step stands for.
        item: the item of the loop around (JSON, with texts in it, or an `Item`); None outside of loops.
        artifacts: where, below the store, the input artifacts are that something was passed for.
        paths: where artifacts appear in the container: by `input` or `output`, and the name.
        outcome: how the run went, once it has ended but for what runs then.
        exported: what the whole run sees under a name: by the kind, and the name.
    """

    parameters: Mapping[str, Text]
    inputs: Mapping[str, Text] = field(default_factory=dict)
    output: Callable[[Reference], Text] = _no_output
    item: tuple[Any] | None = None
    artifacts: Mapping[str, Text] = field(default_factory=dict)
    paths: Mapping[tuple[str, str], Text] = field(default_factory=dict)
    outcome: Text | None = None
    exported: Mapping[tuple[str, str], Text] = field(default_factory=dict)


def constant(text: Text) -> str | None:
    """The text, where nothing of it depends on the run."""
    if not text:
        return ""
    return text[0] if len(text) == 1 and isinstance(text[0], str) else None


def joined(*texts: Text) -> Text:
    """Texts one after another."""
    return joined_parts(part for text in texts for part in text)


def resolve(value: Value, scope: Scope, step: str) -> Text:
    """A value as the text that it has in the pod.

    Raises:
        Unsupported: Airflow has nothing that it could refer to, or it is computed by an expression.
    """
    match value:
        case Literal():
            return joined((item_text(value.value),))
        case Reference():
            return _referenced(value, scope, step)
        case Template():
            return joined(*((part,) if isinstance(part, str) else resolve(part, scope, step) for part in value.parts))
        case Native(parts=(str(),)):
            return joined((item_text(value.data),))
        case FirstOf():
            return (first_of([resolve(item, scope, step) for item in value.values], step),)
    raise refusal("Step.arguments", step, f"has a value that Airflow cannot compute: {_shown(value)}")


def _referenced(reference: Reference, scope: Scope, step: str) -> Text:
    text: Text | None = None
    match reference.to:
        case "parameter" if not reference.path:
            text = scope.parameters.get(reference.name)
        case "input" if reference.kind == "parameter" and not reference.path:
            text = scope.inputs.get(reference.name)
        case "input" if reference.kind == "artifact" and not reference.path:
            text = scope.artifacts.get(reference.name)
        case "input" | "output" if reference.path == ("path",) and not reference.step:
            text = scope.paths.get((reference.to, reference.name))
        case "output" | "status" if reference.step:
            return scope.output(reference)
        case "global":
            text = scope.exported.get((reference.kind or "parameter", reference.name))
        case "run" if is_outcome(reference):
            text = scope.outcome
        case "run" if (reference.name, reference.path) in (("workflow", ("name",)), ("workflow", ("uid",))):
            text = (Jinja(RUN),)
        case "item" if scope.item is not None:
            text = _item(scope.item[0], [*([reference.name] if reference.name else []), *reference.path])
        case "run" if (reference.name, reference.path) == ("retries", ()):
            text = (Jinja("ti.try_number - 1"),)
    if text is None:
        raise refusal("Step.arguments", step, f"refers to {_shown(reference)}, which Airflow does not have")
    return text


def code_of(text: Text, step: str) -> str:
    """Return an expression of Jinja that gives a text.

    Raises:
        Unsupported: Airflow does not know it itself.
    """
    if any(isinstance(part, (Item, Variable)) for part in text):
        raise refusal("Step.arguments", step, "puts together what only its pod knows, or the item of a loop")
    codes = [f"({part.code})" if isinstance(part, Jinja) else jinja_quoted(part) for part in text]
    return " ~ ".join(codes) or "''"


def existence_of(text: Text) -> str:
    """Return the expression that tells whether there is such a text; empty where there always is."""
    return " and ".join(part.exists for part in text if isinstance(part, Jinja) and part.exists)


def first_of(texts: list[Text], step: str) -> Jinja:
    """Return the first of several texts that there is."""
    code = code_of(texts[-1], step)
    for text in reversed(texts[:-1]):
        test = existence_of(text)
        code = f"{code_of(text, step)} if {test} else ({code})" if test else code_of(text, step)
    tests = [existence_of(text) for text in texts]
    return Jinja(code, exists=f"({' or '.join(tests)})" if all(tests) else "")


def _item(item: Any, path: list[str]) -> Text | None:
    if isinstance(item, Item):
        return (Item(tuple(path)),)
    for key in path:
        if not isinstance(item, dict) or key not in item:
            return None
        item = item[key]
    return item if isinstance(item, tuple) else (item_text(map_data(item, _known)),)


def _known(text: Any) -> Any:
    """A value in an item, where the run does not have to make it."""
    if isinstance(text, tuple) and constant(text) is None:
        raise refusal("Step.loop", "", "loops over structures that are only known at run time")
    return constant(text) if isinstance(text, tuple) else text


def item_text(data: Any) -> str:
    """JSON data as the text that Argo makes of it: structures as Go writes JSON, other values as they are."""
    if isinstance(data, str):
        return data
    if isinstance(data, float) and data.is_integer() and abs(data) < GO_EXPONENT:
        return str(int(data))
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).translate(ESCAPED)


def data_text(data: Any) -> str | None:
    """A scalar of such data as a text; None where only the run knows it."""
    return constant(data) if isinstance(data, tuple) else item_text(data)


def resolve_data(native: Native | None, scope: Scope, step: str) -> Any:
    """A structure as JSON data with texts (`Text`) for its strings; an empty mapping where there is none.

    Raises:
        Unsupported: as `resolve`.
    """
    texts: list[Text] = []
    marked: list[str] = []
    for part in native.parts if native is not None else ("{}",):
        if not isinstance(part, str):
            marked.append(f"{MARK}{len(texts)}{MARK}")
            texts.append(resolve(part, scope, step))
        elif MARK in part:
            raise refusal("Step.arguments", step, "has a character of Unicode's private use area in a structure")
        else:
            marked.append(part)

    def filled(text: str) -> Text:
        pieces = text.split(MARK)
        return joined(*(texts[int(piece)] if number % 2 else (piece,) for number, piece in enumerate(pieces)))

    return map_data(json.loads("".join(marked) or "null"), lambda item: filled(item) if isinstance(item, str) else item)


def map_data(data: Any, change: Callable[[Any], Any]) -> Any:
    """JSON data, or such with texts in it, with what `change` makes of each value that is no mapping and no list."""
    if isinstance(data, dict):
        return {key: map_data(inner, change) for key, inner in data.items()}
    return [map_data(inner, change) for inner in data] if isinstance(data, list) else change(data)


jinja_quoted = ascii
"""Writes a constant of Jinja; its lexer reads Python's escapes, and knows no others."""


def spelt(text: Text, *, jinja: bool = False) -> Node:
    """A text as Python: a string that Airflow renders to it; with an `Item` in it, a tuple for `each`.

    Args:
        text: the text.
        jinja: whether it has to be a string: `literal` makes an object, which cannot be mapped over.
    """
    if any(isinstance(part, Item) for part in text):
        return tuple(list(part.keys) if isinstance(part, Item) else spelt((part,), jinja=True) for part in text)
    text_constant = constant(text)
    if text_constant is not None and not jinja:
        return text_constant if _untouched(text_constant) == text_constant else Call("literal", (text_constant,))
    if text and isinstance(text[-1], Variable):
        return "".join(_piece(part, ends=False) for part in text)
    last = len(text) - 1
    return "".join(_piece(part, ends=number == last) for number, part in enumerate(text))


def _piece(part: Any, *, ends: bool) -> str:
    match part:
        case Jinja():
            return f"{{{{ {part.code} }}}}"
        case Variable():
            return f"$({part.name})"
    return _untouched(str(part), ends=ends)


def _untouched(text: str, *, ends: bool = True) -> str:
    """A text with constants of Jinja for what it would change: `ends` says whether nothing comes after it."""
    escaped = TOUCHED.sub(lambda found: f"{{{{ {jinja_quoted(found[0])} }}}}", text)
    if not ends:
        return escaped
    if escaped.endswith("\n"):
        return f"{escaped[:-1]}{{{{ {jinja_quoted(chr(10))} }}}}"
    return f"{escaped}{{{{ '' }}}}" if escaped.endswith(FILES) else escaped


def _shown(value: Value) -> str:
    """A value, for people."""
    if isinstance(value, Reference):
        return value.native or ".".join(part for part in (value.to, value.step, value.name) if part)
    return type(value).__name__.lower()
