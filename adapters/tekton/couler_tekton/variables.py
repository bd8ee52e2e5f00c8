"""Tekton's variables: `$(params.x)`, `$(tasks.a.results.b[*])` and the like, read in texts and structures, and written.

What Tekton cannot say are the fields that the table of capabilities calls refused.
Sources: `docs/variables.md`, `pkg/substitution`, `pkg/apis/pipeline/v1/resultref.go`. Substitution is textual, in any
string; a script's own `$(command)` is none of Tekton's variables, and is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from couler_plugins.engine_kit.refusing import Refusals
from couler_plugins.engine_kit.structures import cut_structure, cut_text, join_structure
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Expression, Graph, Literal, Native, Operation, Reference, Template, Value
from couler_tekton.capabilities import CAPABILITIES

REFUSALS = Refusals("tekton", "Tekton", CAPABILITIES)
refuse_unsupported, unsupported = REFUSALS.check, REFUSALS.error


Spell = Callable[[Reference], str]
"""A reference as the text spells it, `$(…)` included."""

VARIABLE = re.compile(r"""\$\(((?:[a-zA-Z][\w-]*)(?:\.[\w./-]+|\[(?:\*|\d+|'[^']*'|"[^"]*")\])+)\)""")
PART = re.compile(r"""\[(\*|\d+)\]|\['([^']*)'\]|\["([^"]*)"\]|\.?([^.\[\]]+)""")
PLAIN = re.compile(r"[\w-]+\Z")
INDEX = re.compile(r"(?:\*|\d+)\Z")


class Scope(NamedTuple):
    """What names of parameters mean where a text stands.

    Attributes:
        run: parameters of the run, or of the task around a pipeline, which are handed down.
        own: those that are declared here, or around here.
        items: those that a matrix fills.
        passed: those that the task is given; only its callee knows them.
        alone: whether nothing is handed down, so that what is not declared is no parameter: Tekton leaves it as it is.
    """

    run: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    items: frozenset[str] = frozenset()
    passed: frozenset[str] = frozenset()
    alone: bool = False

    def declaring(self, names: Collection[str]) -> Scope:
        """The scope inside of what declares these parameters."""
        return self._replace(own=self.own.union(names))

    def parts(self, text: str) -> tuple[str | Reference, ...]:
        """A text cut at its variables."""
        return cut_text(text, VARIABLE, lambda match: self._reference(match[1], match[0]))

    def value(self, content: Any) -> Value:
        """A text, a list or a mapping as an IR value."""
        if isinstance(content, (dict, list)):
            return self.structure(content)
        if not isinstance(content, str) or "$(" not in content:
            return Literal(value=content)
        pieces = self.parts(content)
        if len(pieces) == 1:
            return pieces[0] if isinstance(pieces[0], Reference) else Literal(value=content)
        return Template(parts=pieces)

    def structure(self, content: Any) -> Native:
        """A structure with the variables in its texts."""
        return structure(content, self.parts)

    def rest(self, content: dict[str, Any]) -> Native | None:
        """What no field expresses; None where that is nothing."""
        return self.structure(content) if content else None

    def _reference(self, variable: str, native: str) -> Reference | None:
        words = [index or single or double or word for index, single, double, word in PART.findall(variable)]
        match words:
            case ["params", name, *path] | ["inputs", "params", name, *path]:
                return self._parameter(variable, name, tuple(path), native)
            case ["tasks" | "finally", step, "results", name, *path]:
                return Reference(to="output", kind="parameter", step=step, name=name, path=tuple(path), native=native)
            case ["tasks", step, "outputs", *path]:
                return Reference(to="output", kind="result", step=step, name=".".join(path), native=native)
            case ["tasks", "status"]:
                return Reference(to="run", name=variable, native=native)
            case ["tasks", step, *fact]:
                return Reference(to="status", step=step, name=".".join(fact), native=native)
            case ["results", name, *path]:
                return Reference(to="output", kind="parameter", name=name, path=tuple(path), native=native)
            case ["workspaces", name, *path]:
                return Reference(to="workspace", name=name, path=tuple(path), native=native)
            case ["context" | "credentials", *_]:
                return Reference(to="run", name=variable, native=native)
            case ["step" | "steps" | "artifacts", *_]:  # between the containers of one task
                return Reference(to="unknown", name=variable, native=native)
        return None

    def _parameter(self, variable: str, name: str, path: tuple[str, ...], native: str) -> Reference:
        if name in self.items and name not in self.own:
            return Reference(to="item", kind="parameter", name=name, path=path, native=native)
        if (self.alone or name in self.passed) and name not in self.own | self.run:
            return Reference(to="unknown", name=variable, native=native)
        if name in self.run and name not in self.own:
            return Reference(to="parameter", kind="parameter", name=name, path=path, native=native)
        return Reference(to="input", kind="parameter", name=name, path=path, native=native)


def scope_in(item: Graph | Operation) -> Scope:
    """What names of parameters mean in what a pipeline or a task says of itself."""
    alone = isinstance(item, Operation) and not item.inline
    return Scope(own=frozenset(port.name for port in item.inputs), alone=alone)


def spell(reference: Reference) -> str:
    """A reference, `$(…)` included.

    Raises:
        Unsupported: Tekton has no variable for it.
    """
    return spelled_in(())(reference)


def spelled_in(finalizers: Collection[str]) -> Spell:
    """How references are spelled where tasks of these names run at the end: their results have their own prefix."""

    def spelled(reference: Reference) -> str:
        if reference.native:
            return reference.native
        name, step = _word(reference.name), _word(reference.step)
        path = "".join(f"[{part}]" if INDEX.match(part) else _word(part) for part in reference.path)
        match reference.to:
            case "input" | "parameter" | "item" if reference.kind in ("parameter", "") and reference.name:
                return f"$(params{name}{path})"
            case "output" if reference.step and reference.kind == "parameter":
                return f"$({'finally' if reference.step in finalizers else 'tasks'}{step}.results{name}{path})"
            case "output" if reference.step and reference.kind == "result":
                return f"$(tasks{step}.outputs.{reference.name})"
            case "output" if not reference.step:
                return f"$(results{name}{path})"
            case "status" if reference.step and reference.name:
                return f"$(tasks{step}.{reference.name})"
            case "workspace":
                return f"$(workspaces{name}{path})"
            case "run" | "unknown" if reference.name:
                return f"$({reference.name})"
        raise _no_words(f"a reference to a {reference.to}")

    return spelled


def _word(name: str) -> str:
    return f".{name}" if PLAIN.match(name) else f'["{name}"]'


def write_text(value: Value, spelled: Spell = spell) -> str:
    """A value as text.

    Raises:
        Unsupported: it is none.
    """
    match value:
        case Literal(value=str(content)):
            return content
        case Reference():
            return spelled(value)
        case Template(parts=parts):
            return "".join(_piece(part, spelled) for part in parts)
    raise _no_words(f"{type(value).__name__.lower()} {value!r:.60}")


def _piece(part: str | Reference | Expression, spelled: Spell) -> str:
    if isinstance(part, Expression):
        raise _no_words(f"an expression in {part.language}")
    return part if isinstance(part, str) else spelled(part)


def write_value(value: Value, spelled: Spell = spell) -> Any:
    """A value as data: text, or a list or mapping.

    Raises:
        Unsupported: Tekton cannot say it.
    """
    if isinstance(value, Native):
        return write_structure(value, spelled)
    return value.value if isinstance(value, Literal) else write_text(value, spelled)


def _no_words(what: str) -> Unsupported:
    hint = "pass it as a parameter, or as a result of a task"
    return Unsupported(f"Tekton has no variable for {what}", engine="tekton", feature="Reference", hint=hint)


def structure(data: Any, parts: Callable[[str], tuple[str | Reference, ...]]) -> Native:
    """A structure with all references in it; the order of a mapping's keys does not count.

    Args:
        data: the structure.
        parts: cuts a text at its variables.
    """
    return cut_structure(data, "$(", parts)


def write_structure(native: Native, spelled: Callable[[Reference], str]) -> Any:
    """The structure as data.

    Raises:
        Unsupported: Tekton has no variable for a reference in it.
    """

    def spelled_at(part: Reference | Expression, before: str) -> str:
        if isinstance(part, Expression):
            reason, hint = "Tekton has no expressions in structures", "compute it in a task"
            raise Unsupported(reason, engine="tekton", feature="Expression", hint=hint)
        return spelled(part)

    return join_structure(native, spelled_at)
