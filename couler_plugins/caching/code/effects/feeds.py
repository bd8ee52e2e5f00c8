"""The forms of effects: a statement with the values of what feeds it, or with how that was made."""

from __future__ import annotations

import hashlib
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from couler_plugins.caching.code.effects.abstract import functions_of
from couler_plugins.caching.code.effects.reads import form_of
from couler_plugins.caching.code.effects.source import Chain, Source, imports_of
from couler_plugins.caching.code.effects.walk import Record
from couler_plugins.caching.code.modules import file_of, is_library, read_file
from couler_plugins.caching.code.uncacheable import VALUE, Uncacheable
from couler_plugins.caching.code.values import Surroundings
from couler_plugins.hookspecs.caching import Objection

FORMLESS = (VALUE, "too-large", "failure")


class Forms(Protocol):
    """What gives the forms of values."""

    objections: list[Objection]

    def form(self, value: Any) -> Any:
        """Return the form of a value."""


class Feeds:
    """Gives the forms of statements of a module.

    Args:
        source: the module as it is written.
        scope: its globals, as they are now.
        records: its statements.
        aside: gives something that gives forms of values.
        around: what an engine puts around code.
        file: its file.
    """

    def __init__(
        self,
        source: Source,
        scope: Mapping[str, Any],
        records: Iterable[Record],
        aside: Callable[[], Forms],
        around: Surroundings,
        file: str,
    ) -> None:
        self._source, self._scope, self._aside, self._around, self._file = source, scope, aside, around, file
        self._binding: dict[str, list[Record]] = {}
        self._again = set(source.again)
        for record in records:
            names = record.names
            for name in names:
                self._binding.setdefault(name, []).append(record)
            if record.loops:
                self._again |= names
        self._known: dict[Chain, Any] = {}
        self._made: dict[int, Any] = {}

    def form(self, record: Record) -> Any:
        """Return the form of a statement.

        Raises:
            Uncacheable: it depends on something that nobody can tell.
        """
        if id(record) not in self._made:
            self._made[id(record)] = ["again", len(self._made)]
            around = [self.form(one) for one in record.around]
            read = [one for one in record.outcome.reads if one.name or record.outcome.loud or not record.outcome.effect]
            reads = [form_of(one, self._file) for one in read]
            self._made[id(record)] = ["again", len(self._made)]
            return [record.text, around, reads, self.names(record.chains)]
        return self._made[id(record)]

    def names(self, chains: Iterable[Chain]) -> list[Any]:
        """Return the forms of names, without those that say nothing."""
        return [[chain, form] for chain in chains if (form := self._name(chain)) is not None]

    def _name(self, chain: Chain) -> Any:
        if chain not in self._known:
            self._known[chain] = ["again", len(self._known)]  # it may be made of itself
            self._known[chain] = self._read(chain)
        return self._known[chain]

    def _read(self, chain: Chain) -> Any:
        root, *path = chain
        binding = self._binding.get(root, [])
        if root not in self._scope:
            return ["made", [self.form(record) for record in binding]] if binding else None
        value = self._scope[root]
        while (
            isinstance(value, types.ModuleType) and path and path[0] in vars(value) and not is_library(value.__name__)
        ):
            value = vars(value)[path.pop(0)]
        own = self._around.is_own(value)
        if own and not (isinstance(value, type) and functions_of(value)):
            return None
        form = None if own else self._value(value)  # of an operator of the user, its text counts
        if form is not None and root not in self._again:
            return form
        return ["made", form, [self.form(record) for record in binding], *self._files(binding if form is None else ())]

    def _value(self, value: Any) -> Any:
        """The form of a value; None where it has none."""
        forms = self._aside()
        try:
            form = forms.form(value)
        except Uncacheable:
            return None
        return None if any(objection.rule in FORMLESS for objection in forms.objections) else form

    def _files(self, binding: Iterable[Record]) -> list[Any]:
        """The files of users' modules that something without a form comes from."""
        files = []
        for record in binding:
            for module, _ in imports_of(record.node, self._source.package):
                path = file_of(module)
                if path is not None and not is_library(module):
                    files.append([module, hashlib.sha256(read_file(path)).hexdigest()])
        return files
