"""What a function reads by name: the globals and imports that its code reaches; what no key can cover is refused."""

from __future__ import annotations

import builtins
import importlib
import types
from collections.abc import Collection
from typing import Any

from couler_airflow.fingerprints.modules import Modules, file_of, is_library
from couler_airflow.fingerprints.names import ALL, names_of
from couler_airflow.fingerprints.reach import kind_of, kinds_of_attributes
from couler_airflow.fingerprints.values import Form
from couler_airflow.uncacheable import Uncacheable

__all__ = ["Reading", "dotted_name"]


class Reading:
    """Follows names.

    Args:
        modules: gathers the modules that are reached.
        form: gives the form of what a name stands for.
        allow: what the owner allows bodies to reach.
    """

    def __init__(self, modules: Modules, form: Form, allow: Collection[str]) -> None:
        self._modules = modules
        self._form = form
        self._allow = frozenset(allow)

    def read(self, function: types.FunctionType) -> Any:
        """The forms of all that the code of a function reads by name.

        Raises:
            Uncacheable: no key can cover something of it.
        """
        scope = function.__globals__
        names = names_of(function.__code__, str(scope.get("__package__") or ""))
        if names.written:
            raise Uncacheable(f"{function.__qualname__} changes the global {names.written[0]!r}")
        for kind, name in kinds_of_attributes(names.attributes):
            self._refuse(kind, name)
        read = []
        for root, *path in names.chains:
            if root in scope:
                read.append([root, path, self._followed(root, scope[root], path)])
            elif hasattr(builtins, root):
                self.reached(f"builtins.{root}")
        for module, *path in names.imports:
            read.append([module, path, self._imported(module, path)])
        return read

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
        except Exception:  # noqa: BLE001  # a module's own code may raise anything
            raise Uncacheable(f"the module {module} that it imports cannot be imported", step=module) from None
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
            raise Uncacheable(f"{name!r}: {error.message}", step=name) from None

    def reached(self, dotted: str) -> None:
        """Looks at the full name of what is reached.

        Raises:
            Uncacheable: it names something that no key can cover.
        """
        kind = kind_of(dotted)
        if kind is not None:
            self._refuse(kind, dotted)

    def _refuse(self, kind: str, name: str) -> None:
        if kind not in self._allow:
            raise Uncacheable(f"it names {name}, which may reach {kind}", step=name, feature=kind)


def dotted_name(value: Any) -> str:
    """Where something comes from, as far as it says so."""
    named = value if hasattr(value, "__qualname__") else type(value)
    module = getattr(named, "__module__", None) or getattr(getattr(value, "__self__", None), "__name__", "builtins")
    return f"{module}.{getattr(named, '__qualname__', '')}"
