"""What a function reads by name: the globals and imports that its code reaches; what no key can cover is refused."""

from __future__ import annotations

import builtins
import contextlib
import functools
import itertools
import random
import sys
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Protocol

from msgspec import structs

from couler_plugins.caching.code.drawing import draws, may_draw
from couler_plugins.caching.code.idioms import draws_idly, harmless, is_harmless
from couler_plugins.caching.code.modules import dotted_name, file_of, has_source, is_library, unobserved_by_module
from couler_plugins.caching.code.names import ALL, evaluated, names_of, texts_named, texts_of
from couler_plugins.caching.code.reach import (
    PARSERS,
    VERBS,
    is_day,
    is_introspection,
    kind_of,
    kind_of_text,
    kinds_of_attributes,
)
from couler_plugins.caching.code.sources import Sources
from couler_plugins.caching.code.uncacheable import Uncacheable, object_to, place_of
from couler_plugins.caching.code.values import Surroundings, count_own
from couler_plugins.caching.reads.arrow import is_followed
from couler_plugins.caching.waivers import waiver_of
from couler_plugins.hookspecs.caching import Objection, SourcePlace

Safe = Callable[[], bool]
ALWAYS, NEVER = functools.partial(bool, 1), functools.partial(bool, 0)
LONGEST = 40  # characters of a text that an objection shows
UNSEEN = frozenset(f"posix.{name}" for name in ("stat", "lstat", "fstat", "access", "readlink", "getcwd", "getcwdb"))
"""Functions that are observed where they have a name in a module; Python tells nobody of a call."""
HASHING = ("__hash__", "__repr__", "__reduce__")
"""Methods in which `hash` and `id` are no chance: what they give stays in the process."""


class Forms(Protocol):
    """What gives the forms of what names stand for."""

    def form(self, value: Any) -> Any:
        """Return the form of a value."""

    @property
    def sources(self) -> Sources:
        """The modules behind them."""


class Reading:
    """Follows names.

    Args:
        forms: gives the forms of what names stand for.
        allow: what the owner allows bodies to reach.
        objections: gathers what no key can cover.
        waived: gathers what the owner allows of that.
        surroundings: what is around the code.

    Attributes:
        introspects: whether some code does something by the annotations or the documentation of functions.
        draws_idly: whether the code makes an estimator that draws, and computes the same whatever it draws.
    """

    def __init__(
        self,
        forms: Forms,
        allow: Collection[str],
        objections: list[Objection],
        waived: list[Objection],
        surroundings: Surroundings,
    ) -> None:
        self._forms = forms
        self._vouched = frozenset(allow)
        self._allow = surroundings.observed.union(allow)
        self._objections = objections
        self._waived = waived
        self._surroundings = surroundings
        self._place: tuple[types.CodeType, str] | None = None
        self.introspects = False
        self._frames: tuple[str, SourcePlace | None] | None = None  # how tables are read or written, and where
        self._others = ""  # what a library may do that with, which nobody sees
        self.draws_idly = False
        self._parser: tuple[types.CodeType, str] | None = None
        self._day = ""  # a text that stands for a day

    def read(self, code: types.CodeType, scope: Mapping[str, Any], package: str = "") -> Any:
        """Return the forms of all that code reads by name; objections go on to be gathered.

        Args:
            code: the code, with all code inside of it.
            scope: its globals.
            package: what relative imports in it start from.
        """
        names = names_of(code, package)
        self.draws_idly |= draws_idly(code)
        for name in names.written:
            with self._at(code, name):
                raise Uncacheable(f"{code.co_qualname} changes the global {name!r}", rule="global-write")
        of_globals = (path[count_own(scope.get(root), path) :] for root, *path in names.chains)
        attributes = sorted({*names.attributes, *itertools.chain(*of_globals)})
        evaluating = (("dynamic code", name) for name in evaluated(code, scope, names.chains, attributes))
        for kind, name in (*kinds_of_attributes(attributes), *evaluating):
            if f".{name}" not in harmless(code, scope):
                with self._at(code, name):
                    self._refuse(kind, name)
        named = {*attributes, *itertools.chain(*names.chains, *names.imports)}
        self._parser = self._parser or next(((code, name) for name in sorted(PARSERS.intersection(named))), None)
        self._meet_day()
        inside = {*texts_of(code)}
        for text in sorted(inside.union(texts_named(scope, names.chains))):
            if (meant := kind_of_text(text, named, inside=text in inside)) is not None:
                with self._at(code, text):
                    self._refuse(meant, repr(text[:LONGEST]))
        read = []
        for root, *path in names.chains:
            with self._at(code, root):
                if root in scope:
                    safe = functools.partial(is_harmless, code, scope, ".".join([root, *path]))
                    value = scope[root]
                    if dotted_name(value) in UNSEEN and _is_loaded(scope):
                        read.append([root, path, ["builtin", dotted_name(value)]])
                    else:
                        read.append([root, path, self._followed(root, value, path, safe)])
                elif hasattr(builtins, root):
                    inward = code.co_name in HASHING or code.co_filename.startswith("<")
                    self.reached(f"builtins.{root}", ALWAYS if inward and root in ("id", "hash") else NEVER)
        for module, *path in names.imports:
            with self._at(code, module):
                # What a body imports itself is not named as it writes it: the last name has to do.
                said = [name for name in path if name != ALL]
                none = NEVER if path else ALWAYS  # a whole module may be handed on
                last = functools.partial(is_harmless, code, scope, f".{said[-1]}") if said else none
                read.append([module, path, self._imported(module, path, last)])
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

    def _followed(self, name: str, value: Any, path: list[str], safe: Safe) -> Any:
        """The form of what is read of a global: of a module no more than what is named of it.

        Args:
            name: its name.
            value: what it stands for.
            path: the attributes that are read of it.
            safe: tells whether a clock or chance in it is no part of what is computed.
        """
        here = path
        while isinstance(value, types.ModuleType):
            dotted = ".".join([value.__name__, *(here or [ALL])])
            self.reached(dotted, safe)
            if is_library(value.__name__):
                self._library(value.__name__, dotted)
                return ["module", dotted]
            # A module that makes its names as they are asked for is looked at as a whole; it is not asked for one.
            if not here or here[0] == ALL or here[0] not in vars(value):
                return self._forms.sources.add_whole(value.__name__)
            value, here = vars(value)[here[0]], here[1:]
        # The state of a generator is in its form, but for one that asks the system.
        drawn = isinstance(value, random.Random) and not isinstance(value, random.SystemRandom)
        here = [] if count_own(value, here) else here
        self.reached(".".join([dotted_name(value), *here]), ALWAYS if drawn else safe)
        if draws(value) and not safe():
            self._refuse("randomness", f"{dotted_name(value)} without a seed")
        count = len(self._objections)
        form = self.named(name, value)
        if len(self._objections) > count and safe() and is_library(dotted_name(value).partition(".")[0]):
            del self._objections[count:]  # of what it is called where it comes from
        return form

    def _imported(self, module: str, path: list[str], safe: Safe) -> Any:
        """The form of what a body imports by itself; nothing is imported for it."""
        # A module alone is no clock yet: what is read of it is named as well.
        dotted = ".".join([module, *path])
        self.reached(dotted, safe)
        if may_draw(module, path) and not safe():
            self._refuse("randomness", f"{module}.{path[0]} without a seed")
        loaded = sys.modules.get(module)
        if not is_library(module):
            if path and (loaded is None or path[0] not in vars(loaded)) and has_source(f"{module}.{path[0]}"):
                return self._imported(f"{module}.{path[0]}", path[1:], safe)
            if loaded is not None:
                return self._followed(module, loaded, path, safe)
            if file_of(module) is not None:
                return self._forms.sources.add_whole(module)
        self._library(module, dotted)
        return ["module", module]

    def _library(self, name: str, dotted: str) -> None:
        self._forms.sources.add_library(name)
        self.opened(name, dotted)

    def opened(self, module: str, dotted: str) -> None:
        """Look at what code reaches of a library, and object to what may read or write files unseen.

        Args:
            module: the module of the library.
            dotted: the full name of what is reached.
        """
        if "files" in self._vouched:
            return
        native = unobserved_by_module(module)
        if native and not is_followed(dotted):
            self._refuse_native(f"it names {module}, and compiled code of {native} may read files unseen")
        elif not native and (other := unobserved_by_module(module, optional=True)):
            self._others = other
            self._meet()

    def _meet(self) -> None:
        """Object to tables that are read or written by name where a library has others than those of pandas."""
        if self._frames and self._others and "files" not in self._vouched:
            reason = f"it names {self._frames[0]}, and compiled code of {self._others} may read or write files unseen"
            self._objections.append(object_to("native", reason, self._frames[1], self._surroundings.remedy("files")))
            self._others = ""

    def meet_text(self, text: str) -> None:
        """Look at a text among values: code that makes times of texts may get it."""
        if is_day(text):
            self._day = text
            self._meet_day()

    def _meet_day(self) -> None:
        if self._day and self._parser is not None:
            with self._at(*self._parser):
                self._refuse("clock", f"{self._parser[1]} beside a value {self._day!r}")
            self._day = ""

    def refuse_unseen(self, dotted: str) -> None:
        """Object to a function that is held where nobody sees a call of it."""
        self._refuse_native(f"it holds {dotted} itself, and nobody sees what it reads")

    def _refuse_native(self, reason: str) -> None:
        if "files" not in self._vouched:
            place = None if self._place is None else place_of(*self._place)
            self._objections.append(object_to("native", reason, place, self._surroundings.remedy("files")))

    def named(self, name: str, value: Any) -> Any:
        """Return the form of what has a name, which an objection to it tells.

        Raises:
            Uncacheable: there is none.
        """
        try:
            return self._forms.form(value)
        except Uncacheable as error:
            if error.step is not None:
                raise
            raise Uncacheable(f"{name!r}: {error.message}", step=name, rule=error.objections[0].rule) from None

    def reached(self, dotted: str, safe: Safe | None = None) -> None:
        """Look at the full name of what is reached, and object to what no key can cover.

        Args:
            dotted: the name.
            safe: tells whether a clock or chance is no part of what is computed; None for never.
        """
        self.introspects = self.introspects or is_introspection(dotted)
        kind = next((kind for kind, word in self._surroundings.words if word.match(dotted)), None) or kind_of(dotted)
        if kind is not None and not (safe is not None and kind in ("clock", "randomness") and safe()):
            self._refuse(kind, dotted)

    def _refuse(self, kind: str, name: str) -> None:
        if kind == "frames":
            self._frames = self._frames or (name, None if self._place is None else place_of(*self._place))
            self._meet()
            kind = "files"
        if kind == "native":
            self._refuse_native(f"it names {name}, and compiled code behind it may read or write files unseen")
            return
        if kind in self._allow and kind not in self._vouched:
            return
        place = None if self._place is None else place_of(*self._place)
        reason = f"it names {name}, which may {VERBS.get(kind, f'reach {kind}')}"
        gathered = self._waived if (waiver_of(kind) or kind) in self._vouched else self._objections
        gathered.append(object_to(kind, reason, place, self._surroundings.remedy(kind)))


def _is_loaded(scope: Mapping[str, Any]) -> bool:
    return vars(sys.modules.get(str(scope.get("__name__")), types)) is scope
