"""KFP's placeholders and conditions: found in texts and taken apart, and written again.

Sources: `kfp.dsl.placeholders`; `backend/src/v2/driver` and `component` (what is replaced, and when); conditions are
CEL over `inputs.parameter_values` (`pipeline_spec.proto`, TriggerPolicy).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from couler_plugins.engine_kit.structures import cut_text
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Expression, Literal, Reference, Template, Value

Own = Callable[[Reference], Reference]
"""What a reference to an input stands for, where the text stands; it keeps the spelling."""
Spell = Callable[[Reference], str]
"""A reference as the text spells it, braces included."""

KINDS = {"parameters": "parameter", "artifacts": "artifact"}
PLURALS = {kind: plural for plural, kind in KINDS.items()}
PLACEHOLDER = re.compile(r"\{\{\$(?P<inner>[^{}]*)\}\}")
PORT = re.compile(
    r"\.(inputs|outputs)\.(parameters|artifacts)\[(['\"])(.*?)\3\]((?:\.\w+|\[(?:'[^']*'|\"[^\"]*\")\])*)\Z"
)
SEGMENT = re.compile(r"\.(\w+)|(\[(?:'[^']*'|\"[^\"]*\")\])")
VALUE = re.compile(r"inputs\.parameter_values\[(['\"])(.*?)\1\]")
EXECUTOR_INPUT = "executor_input"


def own_input(reference: Reference) -> Reference:
    """In the body of an operation, its inputs are just that."""
    return reference


def parts(content: str, own: Own) -> tuple[str | Reference, ...]:
    """A text cut at its placeholders."""
    return cut_text(content, PLACEHOLDER, lambda match: _reference(match["inner"], match[0], own))


def _reference(inner: str, spelling: str, own: Own) -> Reference:
    port = PORT.match(inner)
    if port is None:
        if not inner or re.fullmatch(r"\.\w+", inner):
            return Reference(to="run", name=inner[1:] or EXECUTOR_INPUT, native=spelling)
        return Reference(to="unknown", name=spelling, native=spelling)
    path = tuple(word or bracket for word, bracket in SEGMENT.findall(port[5]))
    if port[1] == "outputs":
        return Reference(to="output", kind=KINDS[port[2]], name=port[4], path=path, native=spelling)
    return own(Reference(to="input", kind=KINDS[port[2]], name=port[4], path=path, native=spelling))


def text(content: str, own: Own = own_input) -> Value:
    """A text as an IR value."""
    pieces = parts(content, own) if "{{$" in content else (content,)
    if len(pieces) == 1:
        return pieces[0] if isinstance(pieces[0], Reference) else Literal(value=content)
    return Template(parts=pieces)


def constant_text(content: str, own: Own) -> Value:
    """A text that stays one, also where it is nothing but a placeholder: what it names is converted to text."""
    value = text(content, own)
    return Template(parts=(value,)) if isinstance(value, Reference) else value


def spell(reference: Reference) -> str:
    """A reference in the body of an operation, braces included.

    Raises:
        Unsupported: KFP has no placeholder for it.
    """
    if reference.native:
        return reference.native
    if reference.to == "unknown":
        return reference.name
    if reference.to == "run" and not reference.path:
        return "{{$}}" if reference.name == EXECUTOR_INPUT else f"{{{{$.{reference.name}}}}}"
    if reference.to in ("input", "output") and not reference.step and reference.kind in PLURALS:
        path = "".join(part if part.startswith("[") else f".{part}" for part in reference.path)
        return f"{{{{$.{reference.to}s.{PLURALS[reference.kind]}['{reference.name}']{path}}}}}"
    raise _no_words(f"a reference to a {reference.to}")


def write_text(value: Value, spelled: Spell = spell) -> str:
    """A value where KFP takes text.

    Raises:
        Unsupported: it is no text.
    """
    match value:
        case Literal(value=str(content)):
            if PLACEHOLDER.search(content):
                raise _no_words(f"a text with {content!r:.80} in it, which it would take for a placeholder")
            return content
        case Reference():
            return spelled(value)
        case Template():
            return _joined(value.parts, spelled)
    raise _no_words(f"{value!r:.80}")


def _joined(pieces: tuple[object, ...], spelled: Spell) -> str:
    texts = []
    for piece in pieces:
        if not isinstance(piece, (str, Reference)):
            raise _no_words(f"{piece!r:.80}")
        texts.append(piece if isinstance(piece, str) else spelled(piece))
    return "".join(texts)


def condition(content: str, own: Own) -> Expression:
    """A condition; what it reads are inputs of the task itself, so each stands for what the task is given there."""

    def read(match: re.Match[str]) -> Reference:
        return own(Reference(to="input", kind="parameter", name=match[2], native=match[0]))

    return Expression(language="cel", parts=cut_text(content, VALUE, read))


def write_condition(value: Value, spelled: Spell) -> str:
    """A condition as CEL.

    Raises:
        Unsupported: it is in another language.
    """
    if not isinstance(value, Expression) or value.language != "cel":
        raise _no_words("a condition that is not in CEL", "Step.condition")
    return _joined(value.parts, spelled)


def _no_words(what: str, feature: str = "Reference") -> Unsupported:
    hint = "pass it as an input of the component"
    return Unsupported(f"KFP has no words for {what} here", engine="kfp", feature=feature, hint=hint)
