"""What a function reads by name: the globals and imports that its code reaches; what no key can cover is refused."""

from __future__ import annotations

import builtins
import contextlib
import importlib
import types
from collections.abc import Collection, Iterator
from typing import Any

from msgspec import structs

from couler_airflow.fingerprints.modules import Modules, file_of, is_library
from couler_airflow.fingerprints.names import ALL, names_of
from couler_airflow.fingerprints.reach import kind_of, kinds_of_attributes
from couler_airflow.fingerprints.values import Form
from couler_airflow.uncacheable import Uncacheable, object_to, place_of
from couler_plugins.hookspecs.caching import Objection

__all__ = ["Reading", "dotted_name"]


class Reading:
    """Follows names.

    Args:
        modules: gathers the modules that are reached.
        form: gives the form of what a name stands for.
        allow: what the owner allows bodies to reach.
        objections: gathers what no key can cover.
    """

    def __init__(self, modules: Modules, form: Form, allow: Collection[str], objections: list[Objection]) -> None:
        self._modules = modules
        self._form = form
        self._allow = frozenset(allow)
        self._objections = objections
        self._place: tuple[types.CodeType, str] | None = None

    def read(self, function: types.FunctionType) -> Any:
        """Return the forms of all that the code of a function reads by name; objections go on to be gathered."""
        scope, code = function.__globals__, function.__code__
        names = names_of(code, str(scope.get("__package__") or ""))
        for name in names.written:
            with self._at(code, name):
                raise Uncacheable(f"{function.__qualname__} changes the global {name!r}", rule="global-write")
        for kind, name in kinds_of_attributes(names.attributes):
            with self._at(code, name):
                self._refuse(kind, name)
        read = []
        for root, *path in names.chains:
            with self._at(code, root):
                if root in scope:
                    read.append([root, path, self._followed(root, scope[root], path)])
                elif hasattr(builtins, root):
                    self.reached(f"builtins.{root}")
        for module, *path in names.imports:
            with self._at(code, module):
                read.append([module, path, self._imported(module, path)])
        return read

    @contextlib.contextmanager
    def _at(self, code: types.CodeType, word: str) -> Iterator[None]:
        """Gather the objections to what code names, so that all of them are told at once."""
        before, self._place = self._place, (code, word)
        try:
            yield
        except Uncacheable as error:
            here = place_of(code, word)
            self._objections += [structs.replace(item, place=item.place or here) for item in error.objections]
        finally:
            self._place = before

    def _followed(self, name: str, value: Any, path: list[str]) -> Any:
        """The form of what is read of a global: of a module no more than what is named of it."""
        here = path
        while isinstance(value, types.ModuleType):
            self._modules.add(value.__name__)
            dotted = ".".join([value.__name__, *(here or [ALL])])
            self.reached(dotted)
            if is_library(value.__name__) or not here or not hasattr(value, here[0]):
                return ["module", dotted]
            value, here = getattr(value, here[0]), here[1:]
        self.reached(".".join([dotted_name(value), *here]))
        return self.named(name, value)

    def _imported(self, module: str, path: list[str]) -> Any:
        """The form of what a body imports by itself; a module of which only a version counts is not loaded for it."""
        self.reached(".".join([module, *path]))
        self._modules.add(module)
        if path:
            self._modules.add_if_module(f"{module}.{path[0]}")
        if is_library(module) or file_of(module) is None:
            return ["module", module]
        try:
            loaded = importlib.import_module(module)  # the body does so too, and what it calls has to be looked at
        except (Exception, SystemExit):  # noqa: BLE001  # a module's own code may raise anything, and end the process
            reason = f"the module {module} that it imports cannot be imported"
            raise Uncacheable(reason, step=module, rule="import") from None
        return self._followed(module, loaded, path)

    def named(self, name: str, value: Any) -> Any:
        """The form of what has a name, which an objection to it tells.

        Raises:
            Uncacheable: there is none.
        """
        try:
            return self._form(value)
        except Uncacheable as error:
            if error.step is not None:
                raise
            raise Uncacheable(f"{name!r}: {error.message}", step=name, rule=error.objections[0].rule) from None

    def reached(self, dotted: str) -> None:
        """Look at the full name of what is reached, and object to what no key can cover."""
        kind = kind_of(dotted)
        if kind is not None:
            self._refuse(kind, dotted)

    def _refuse(self, kind: str, name: str) -> None:
        if kind not in self._allow:
            place = None if self._place is None else place_of(*self._place)
            self._objections.append(object_to(kind, f"it names {name}, which may reach {kind}", place))


def dotted_name(value: Any) -> str:
    """Where something comes from, as far as it says so."""
    named = value if hasattr(value, "__qualname__") else type(value)
    module = getattr(named, "__module__", None) or getattr(getattr(value, "__self__", None), "__name__", "builtins")
    return f"{module}.{getattr(named, '__qualname__', '')}"
