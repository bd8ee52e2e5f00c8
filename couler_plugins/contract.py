"""Checks what plugins hand over against the contract, at the moment of registration rather than of use."""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from couler_plugins.hookspecs import Adapter, StepInput, StepOutput
from couler_plugins.options import options_of

__all__ = [
    "adapter_problem",
    "hook_problems",
    "one_line",
    "optimizer_problem",
    "partitioner_problem",
    "policy_problem",
    "step_problem",
    "store_problem",
    "tuner_problem",
]

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_ADAPTER_METHODS = ("claims", "load", "lift", "lower", "dump", "footprint")
_STORE_METHODS = ("open", "put", "read", "list", "delete")
_OWN_METHODS = ("claims", "lift", "lower")  # the rest may come from Adapter
_CALLERS = {*sys.stdlib_module_names, "couler_plugins", "pluggy"}
"""Packages that call plugins."""


def optimizer_problem(cls: object) -> str | None:
    """What keeps an object from being an optimizer class; None if it is one."""
    problem = _named_class_problem(cls, "optimizer", "run", "run(plan, ctx)")
    behind = getattr(cls, "before", ())
    if problem is None and not (isinstance(behind, tuple) and all(isinstance(name, str) for name in behind)):
        return f"{getattr(cls, '__qualname__', '')}: its `before` is no tuple of names"
    return problem


def policy_problem(cls: object) -> str | None:
    """What keeps an object from being a class of cache policies; None if it is one."""
    return _named_class_problem(cls, "policy", "keep", "keep(candidates, capacity, history)")


def partitioner_problem(cls: object) -> str | None:
    """What keeps an object from being a class of partitioners; None if it is one."""
    return _named_class_problem(cls, "partitioner", "split", "split(dag, budget, previous)")


def tuner_problem(cls: object) -> str | None:
    """What keeps an object from being a class of tuners; None if it is one."""
    return _named_class_problem(cls, "tuner", "propose", "propose(task, trials, number)")


def store_problem(cls: object) -> str | None:
    """What keeps an object from being a class of artifact stores; None if it is one."""
    if not inspect.isclass(cls):
        return f"{_shown(cls)} is not a class (return store classes, not instances)"
    schemes = getattr(cls, "schemes", None)
    if not isinstance(schemes, tuple) or not all(isinstance(scheme, str) and scheme for scheme in schemes):
        return f"{cls.__qualname__}: it has no tuple of schemes"
    missing = next((name for name in _STORE_METHODS if not callable(getattr(cls, name, None))), None)
    return f"{cls.__qualname__}: it has no method {missing}()" if missing else None


def adapter_problem(adapter: object) -> str | None:
    """What keeps an object from being an adapter; None if it is one."""
    if inspect.isclass(adapter):
        return f"{adapter.__qualname__} is a class (return an instance of it)"
    problem = _name_problem(adapter, "engine")
    missing = [name for name in _ADAPTER_METHODS if not callable(getattr(adapter, name, None))]
    missing += [name for name in _OWN_METHODS if getattr(type(adapter), name, None) is getattr(Adapter, name)]
    if problem is None and missing:
        problem = f"it has no method {missing[0]}()"
    if problem is None and not isinstance(getattr(adapter, "capabilities", None), tuple):
        problem = "it has no tuple of capabilities"
    options = getattr(adapter, "options", None)
    if problem is None and not inspect.isclass(options):
        problem = "its options are no class"
    if problem is None and inspect.isclass(options):
        problem = _options_problem(options)
    return f"{type(adapter).__qualname__}: {problem}" if problem else None


def step_problem(step: object) -> str | None:
    """What keeps an object from being a ready-made step; None if it is one."""
    if inspect.isclass(step):
        return f"{step.__qualname__} is a class (return an instance of it)"
    problem = _name_problem(step, "name")
    if problem is None and not getattr(step, "description", ""):
        problem = "it has no description"
    if problem is None and not callable(getattr(step, "build", None)):
        problem = "it has no method build(arguments)"
    for attribute, kind in (("inputs", StepInput), ("outputs", StepOutput)):
        problem = problem or _declared_problem(getattr(step, attribute, None), attribute, kind)
    return f"the step {getattr(step, 'name', _shown(step))!r}: {problem}" if problem else None


def _declared_problem(declared: object, attribute: str, kind: type[StepInput] | type[StepOutput]) -> str | None:
    if not isinstance(declared, tuple) or not all(isinstance(item, kind) for item in declared):
        return f"it has no tuple of {attribute} ({kind.__name__})"
    names = [item.name for item in declared]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        return f"two of its {attribute} are called {twice!r}"
    return next(
        (f"{name!r} among its {attribute} is not kebab-case" for name in names if not _NAME.fullmatch(name)), None
    )


def hook_problems(plugin: object) -> Iterator[str]:
    """Functions of a plugin that are called like hooks, and that nothing would ever call."""
    for name, value in vars(plugin).items() if hasattr(plugin, "__dict__") else ():
        if name.startswith("couler_") and inspect.isfunction(value) and not hasattr(value, "couler_plugins_impl"):
            yield f"{name}() is not marked with @hookimpl"


def one_line(error: BaseException) -> str:
    """Return an exception in one line, with the place that raised it; what would steer a terminal is written out.

    The place is the innermost one in the plugin's own files, whatever library it called there.
    """
    try:
        words = (error.msg or "") if isinstance(error, SyntaxError) else str(error)
    except Exception:  # noqa: BLE001  # of a plugin's class, whose own method fails
        words = ""
    text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in " ".join(words.split()))
    return f"{type(error).__name__}{': ' if text else ''}{text[:300]}{_place(error)}"


def _place(error: BaseException) -> str:
    frames = [
        (str(frame.f_globals.get("__name__")).partition(".")[0], frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
    ][1:]  # the first one is who caught it
    owner = next((package for package, _, _ in frames if package not in _CALLERS), "couler_plugins")
    places = [(file, line) for package, file, line in frames if package == owner]
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_file():
        places.append((error.filename, error.lineno or 1))
    if not places:
        return ""
    file, line = places[-1]
    return f" (in {file.removeprefix(f'{Path.cwd()}/')}, line {line})"


def _named_class_problem(cls: object, what: str, method: str, signature: str) -> str | None:
    """What keeps an object from being a frozen class of options with a name and a method."""
    if not inspect.isclass(cls):
        return f"{_shown(cls)} is not a class (return {what} classes, not instances)"
    problem = _name_problem(cls, "name")
    if problem is None and not callable(getattr(cls, method, None)):
        problem = f"it has no method {signature}"
    return f"{cls.__qualname__}: {problem}" if (problem := problem or _options_problem(cls)) else None


def _name_problem(thing: object, attribute: str) -> str | None:
    name = getattr(thing, attribute, None)
    if not isinstance(name, str):
        return f"it has no {attribute}"
    if not _NAME.fullmatch(name):
        return f"its {attribute} {name!r} is not kebab-case"
    return None


def _options_problem(cls: type) -> str | None:
    if not dataclasses.is_dataclass(cls) or "__dataclass_params__" not in vars(cls):
        return f"{cls.__qualname__} is not a frozen dataclass"
    if not vars(cls)["__dataclass_params__"].frozen:
        return f"{cls.__qualname__} is a dataclass, but not a frozen one"
    try:
        options_of(cls)
    except (TypeError, NameError) as error:
        return str(error)
    return None


def _shown(value: object) -> str:
    return f"{value!r:.60}" if isinstance(value, (str, int, float)) else f"an instance of {type(value).__qualname__}"
