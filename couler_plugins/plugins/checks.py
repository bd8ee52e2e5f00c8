"""Checks what plugins hand over against the contract, at the moment of registration rather than of use."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator

import msgspec

from couler_plugins.errors import closest
from couler_plugins.hookspecs import FACETS, Adapter, Cause, StepInput, StepOutput
from couler_plugins.options.fields import options_of

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_PLACE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_OTHERWISE = re.compile(r"[(][?](?!:|[is]{1,2}[)])|\\[1-9]|[*+?}][+]|\[\[:")
"""What RE2 does not read, or not as Python does: groups that look around, back references, named classes."""
_STORE_METHODS = ("open", "put", "read", "list", "delete")
_REQUIRED = ("claims", "lift", "lower")  # the other facets may come from Adapter


def optimizer_problem(cls: object) -> str | None:
    """What keeps an object from being an optimizer class; None if it is one."""
    problem = named_class_problem(cls, "optimizer", "run(plan, ctx)")
    behind = getattr(cls, "before", ())
    if problem is None and not (isinstance(behind, tuple) and all(isinstance(name, str) for name in behind)):
        return f"{getattr(cls, '__qualname__', '')}: its `before` is no tuple of names"
    return problem


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
    if not isinstance(adapter, Adapter):
        return f"{_shown(adapter)} is no adapter (derive its class from couler_plugins.hookspecs.Adapter)"
    problem = _name_problem(adapter, "engine") or _facets_problem(adapter)
    if problem is None and not isinstance(adapter.capabilities, tuple):
        problem = "it has no tuple of capabilities"
    if problem is None:
        problem = _options_problem(adapter.options) if inspect.isclass(adapter.options) else "its options are no class"
    return f"{type(adapter).__qualname__}: {problem}" if problem else None


def _facets_problem(adapter: Adapter) -> str | None:
    """What is wrong with what an adapter says of its facets, as far as that shows without importing them."""
    missing = [name for name in FACETS if not callable(getattr(adapter, name, None))]
    missing += [name for name in _REQUIRED if not adapter.offers(name)]
    if missing:
        return f"it has no method {missing[0]}()"
    for name, place in adapter.facets.items():
        if name not in FACETS:
            return " ".join(
                filter(None, (f"there is no facet {name!r}:", closest(name, FACETS), f"there is {', '.join(FACETS)}"))
            )
        if not _PLACE.fullmatch(place):
            return f"its facet {name!r} is {place!r}, and no place such as 'my_module:my_function'"
    return None


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


def cause_problem(cause: object) -> str | None:
    """What keeps an object from being a row of the table of causes; None if it is one."""
    if not isinstance(cause, Cause):
        return f"{_shown(cause)} is no Cause"
    try:
        msgspec.convert(msgspec.structs.asdict(cause), Cause)  # its fields are of the declared types
        problem = _name_problem(cause, "name") or _pattern_problem(cause.message)
    except msgspec.ValidationError as error:
        problem = str(error)
    except re.error as error:
        problem = f"its message {cause.message!r} is no regular expression: {error}"
    if problem is None and (
        "" in cause.reasons
        # A pattern that is in any text says nothing either.
        or not (cause.reasons or cause.exit_codes or (cause.message and not re.search(cause.message, "\0")))
    ):
        problem = "it has no reasons, exit_codes or message that say anything: every failure would match it"
    if problem is None and not cause.source.strip():
        problem = "it has no source"
    return f"the cause {cause.name!r}: {problem}" if problem else None


def _pattern_problem(pattern: str) -> str | None:
    """What is wrong with a pattern that Python and RE2 are to read alike, in a time that grows with the text only.

    Raises:
        re.error: Python cannot read it.
    """
    re.compile(pattern)
    if strange := _OTHERWISE.search(pattern):
        return f"its message {pattern!r} has {strange[0]!r}, which RE2 does not read as Python does"
    return f"its message {pattern!r} repeats a group" if re.search(r"(?<!\\)[)][*+{]", pattern) else None


def hook_problems(plugin: object) -> Iterator[str]:
    """Functions of a plugin that are called like hooks, and that nothing would ever call."""
    for name, value in vars(plugin).items() if hasattr(plugin, "__dict__") else ():
        if name.startswith("couler_") and inspect.isfunction(value) and not hasattr(value, "couler_plugins_impl"):
            yield f"{name}() is not marked with @hookimpl"


def named_class_problem(cls: object, what: str, signature: str) -> str | None:
    """What keeps an object from being a frozen class of options with a name and a method."""
    if not inspect.isclass(cls):
        return f"{_shown(cls)} is not a class (return {what} classes, not instances)"
    problem = _name_problem(cls, "name")
    if problem is None and not callable(getattr(cls, signature.partition("(")[0], None)):
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
