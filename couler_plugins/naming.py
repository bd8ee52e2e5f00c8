"""Things of plugins, or of files, that a text names with their options, and whose fault it is when one fails."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from couler_plugins.contract import one_line, optimizer_problem
from couler_plugins.errors import CoulerError, InvalidInput, PluginFailure
from couler_plugins.grammar import parse_items
from couler_plugins.options import build, closest

__all__ = ["blaming", "hint_for", "optimizer_in_file", "parse_named"]

log = logging.getLogger(__name__)
T = TypeVar("T")
OPTIMIZER = "an optimizer is a frozen dataclass with a kebab-case `name` and a method run(plan, ctx)"


def parse_named(text: str, what: str, known: Iterable[str], find: Callable[[str], type[T]]) -> T:
    """The one thing that a text names, built from its options, such as `ttl{days=30}`.

    Args:
        text: what the user wrote.
        what: what it names, for errors ("policy").
        known: the names that there are.
        find: the class of a name.

    Raises:
        InvalidInput: it names none, or several, or nothing of that name is there, or it has no such option.
        PluginFailure: two plugins provide it.
    """
    items = parse_items(text, f"the {what}")
    if len(items) != 1:
        raise InvalidInput(f"{text!r} does not name one {what}", hint=f"name one of {', '.join(known)}")
    return build(find(items[0].name), items[0].options, f"the {what} {items[0].name!r}")


def optimizer_in_file(place: str) -> Any:
    """Return the optimizer class that a text such as `./my_pass.py:MyPass` names; this runs the file.

    Raises:
        InvalidInput: there is no such file or class, or it is no optimizer.
        PluginFailure: the file fails.
    """
    file, _, name = place.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise InvalidInput("there is no such file", file=file, hint="give its path from the current folder")
    module = _run_file(path)
    cls = vars(module).get(name)
    if cls is None:
        hint = closest(name, [key for key, value in vars(module).items() if optimizer_problem(value) is None])
        raise InvalidInput(f"there is no class {name!r} in it", file=file, hint=hint or OPTIMIZER)
    if problem := optimizer_problem(cls):
        own = inspect.isclass(cls) and cls.__module__ == module.__name__
        line = inspect.getsourcelines(cls)[1] if own else None
        raise InvalidInput(f"this is no optimizer: {problem}", file=file, line=line, hint=OPTIMIZER)
    return cls


def _run_file(path: Path) -> ModuleType:
    """Run a file as a module; what it was compiled to is not kept beside it."""
    module = ModuleType(str(path.resolve()))  # so that no two files share a name
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look there
    try:
        exec(compile(path.read_bytes(), path, "exec"), vars(module))  # noqa: S102  # it is what was asked for
    except (Exception, SystemExit) as error:
        log.info("the traceback of %s:", path, exc_info=error)
        hint = "mend the file; what it imports has to be installed"
        raise PluginFailure(f"it cannot be loaded: {one_line(error)}", file=str(path), hint=hint) from error
    return module


def hint_for(what: str) -> str:
    """What to do about a plugin's class that breaks its contract."""
    return f"report it to the {what}'s author, or choose another"


@contextmanager
def blaming(what: str, name: str) -> Iterator[None]:
    """Says which thing of a plugin it was that failed.

    Raises:
        PluginFailure: it raised anything but a CoulerError, or called exit.
    """
    try:
        yield
    except CoulerError:
        raise
    except (Exception, SystemExit) as error:  # a plugin may call exit
        log.info("the traceback of the %s %s:", what, name, exc_info=error)
        raise PluginFailure(f"the {what} {name!r} failed: {one_line(error)}", hint=hint_for(what)) from error
