"""The modules behind some code: libraries by their state, those of users by what they do when they are loaded."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from couler_plugins.caching.code.effects.abstract import Scope
from couler_plugins.caching.code.effects.feeds import Feeds, Forms
from couler_plugins.caching.code.effects.reads import World
from couler_plugins.caching.code.effects.source import DEFINITIONS, chains_of, parse, text_of
from couler_plugins.caching.code.effects.walk import Record, Walk
from couler_plugins.caching.code.modules import Modules, file_of, is_library, is_third_party, source_of
from couler_plugins.caching.code.names import syntax_of
from couler_plugins.caching.code.uncacheable import Uncacheable
from couler_plugins.caching.code.values import Surroundings

OURS = "couler_plugins"


CODE = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type)
"""What the text of a module says, and not what it was loaded with."""


class Reader(Protocol):
    """What follows the names in code."""

    def read(self, code: types.CodeType, scope: Mapping[str, Any], package: str = "") -> Any:
        """Return the forms of all that code reads by name."""


class Sources:
    """Gathers the modules behind some code.

    Args:
        reader: follows what the code of a whole module names.
        aside: gives something that gives forms of what is no part of the code itself.
        surroundings: what an engine puts around the code.
        others: what was gathered for another part of the same key.
    """

    def __init__(
        self, reader: Reader, aside: Callable[[], Forms], surroundings: Surroundings, others: Sources | None = None
    ) -> None:
        self._reader = reader
        self._aside = aside
        self._around = surroundings
        self._modules: Modules = Modules(None if others is None else others._modules)
        self._effects: dict[str, Any] = {} if others is None else others._effects
        self._wholes: set[str] = set()
        self._refusals: list[Uncacheable] = [] if others is None else others._refusals
        self._world: World = World(surroundings) if others is None else others._world

    @property
    def form(self) -> list[Any]:
        """The modules as a key covers them.

        Raises:
            Uncacheable: nobody can tell what one of them does to others.
        """
        for refusal in self._refusals:
            raise refusal
        return [self._modules.form, sorted(self._effects.items())]

    def label(self, module: str) -> str:
        """Return what a key calls a module."""
        return "<main>" if self._around.aliases.match(module) else module

    def add_library(self, name: str) -> None:
        """Add the distribution behind a module of a library."""
        self._modules.add_library(name)

    def add_whole(self, name: str) -> Any:
        """Add a module that is used as a whole, or is not loaded, and return its form.

        Its file counts, and what that names.
        """
        if is_library(name):
            self.add_library(name)
            return ["module", name]
        if name not in self._wholes:
            self._wholes.add(name)
            loaded = sys.modules.get(name)
            for inside in [*vars(loaded).values()] if hasattr(loaded, "__path__") else ():
                if isinstance(inside, types.ModuleType) and inside.__name__.startswith(f"{name}."):
                    self.add_whole(inside.__name__)
        path = file_of(name)
        if path is None:
            self.add_library(name)
            return ["module", name]
        label = self.label(name)
        data = self._modules.add_source(label, name, path)
        if data is not None:
            self._add_effects(name, path)
            if path.suffix == ".py":
                self._effects[f"{label} as a whole"] = []  # it may be met again on the way
                self._effects[f"{label} as a whole"] = [*self._whole(name, path, data), *self._values(name)]
        return ["module", label]

    def _whole(self, name: str, path: Path, data: bytes) -> list[Any]:
        """Look at all code of a module as if a body had it inside, and return what that reads."""
        loaded = sys.modules.get(name)
        try:
            code = compile(data, str(path), "exec", dont_inherit=True)
        except (ValueError, SyntaxError):
            raise Uncacheable(f"{path.name} is no Python that can be read", rule="unreadable-source") from None
        scope = vars(loaded) if loaded is not None else {}
        read = [
            self._reader.read(constant, scope, _package(name, path))
            for constant in code.co_consts
            if isinstance(constant, types.CodeType)
        ]
        for imported in sorted(parse(data, _package(name, path)).imports):
            if not is_library(imported) and file_of(imported) is not None:
                self.add_whole(imported)
        return read

    def _values(self, name: str) -> list[Any]:
        """What a module was given when it was loaded, be it from its text or not."""
        forms: list[Any] = []
        for own, value in [*vars(sys.modules[name]).items()] if name in sys.modules else ():
            if not own.startswith("__") and not isinstance(value, CODE):
                try:
                    forms.append([own, self._aside().form(value)])
                except Uncacheable:
                    forms.append([own, ["formless"]])
        return forms

    def add_effects(self, module: str) -> None:
        """Add what a module, and those that it imports, do to others when they are loaded."""
        path = file_of(module)
        engine = module.partition(".")[0] in self._around.packages
        if path is not None and not engine and self.label(module) not in self._effects and not is_library(module):
            self._add_effects(module, path)

    def _add_effects(self, module: str, path: Path) -> None:
        label = self.label(module)
        if label in self._effects:
            return
        self._effects[label] = []  # it may import itself, by way of others
        if path.suffix != ".py":
            self._modules.add_source(label, module, path)
            return
        loaded = sys.modules.get(module)
        try:
            source = parse(source_of(path, loaded), _package(module, path))
        except (SyntaxError, ValueError):
            raise Uncacheable(f"{path.name} is no Python that can be read", rule="unreadable-source") from None
        scope = vars(loaded) if loaded is not None else {}
        records: list[Record] = []
        walk = Walk(self._world, Scope(source, scope), records)
        walk.block(source.tree.body)
        feeds = Feeds(source, scope, records, self._aside, self._around, str(path))
        try:
            effects = [feeds.form(record) for record in records if record.outcome.effect]
        except Uncacheable as refusal:
            self._refusals.append(refusal)  # who asks for this now may take no mind of it
            return
        unused = sorted(name for name in source.unused if is_third_party(name))
        self._effects[label] = [*effects, *(["import", name] for name in unused)]
        near = self._loaded() if walk.found.dynamic else ()
        for imported in sorted({*source.imports, *walk.found.imports, *near}):
            self.add_effects(imported)

    def _loaded(self) -> Iterator[str]:
        """The modules of users that are loaded: one may have imported any of them by a text."""
        for name in [*sys.modules]:
            if name.partition(".")[0] != OURS and not self._around.aliases.match(name):
                yield name

    def decorators(self, function: Any) -> list[Any]:
        """Return the forms of what stands above a function in its source, as far as there is one."""
        tree = syntax_of(function)
        node = tree.body[0] if tree is not None and tree.body else None
        decorators_of = node.decorator_list if isinstance(node, DEFINITIONS) else []
        scope = getattr(function, "__globals__", {})
        feeds = Feeds(parse(b""), scope, [], self._aside, self._around, "")
        return [[text_of(item), feeds.names(chains_of(item))] for item in decorators_of]


def _package(module: str, path: Path) -> str:
    return module if path.name == "__init__.py" else module.rpartition(".")[0]
