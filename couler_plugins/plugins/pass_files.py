"""Optimizers out of files, which a pipeline names by path and class: `./my_pass.py:MyPass`."""

from __future__ import annotations

import inspect
import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from couler_plugins.errors import InvalidInput, PluginFailure, one_line
from couler_plugins.options.fields import closest
from couler_plugins.plugins.checks import optimizer_problem

log = logging.getLogger(__name__)

OPTIMIZER = "an optimizer is a frozen dataclass with a kebab-case `name` and a method run(plan, ctx)"


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
