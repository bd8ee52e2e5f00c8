"""What owners say of their tasks: that a task is pure, or never to be cached, and what a key cannot see by itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, overload

from couler_plugins.caching.waivers import OF_PROGRAMS, check_waivers
from couler_plugins.errors import InvalidInput

T = TypeVar("T")

MARK = "__couler_cache__"
"""The attribute in which a function, an operator or a DAG carries what was said of it."""

ALLOWED = (*OF_PROGRAMS, "configured", "secret", "volume")
"""What a task may do, and a pod may get, once its owner says that the result does not depend on it."""

EXAMPLES = {"context": "ds", "allow": "network", "outputs": "/data/{{ ds }}.csv"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What an owner says of a task.

    Attributes:
        cache: whether its result may be reused.
        ttl: how many seconds old a result may be; None for any age.
        version: goes into the key: another one, and all is computed again.
        context: the values of the run that it reads (`ds`, `params`); they go into the key.
        allow: what it does although no key covers it (see ALLOWED): the result does not depend on it.
        outputs: the files and folders that it makes, absolute paths or Jinja templates of them: they are kept as well.
        itself: whether it is said of the task itself, and not of its DAG: clocks and chance are only warned of then.
        row: the place of the row in a settings file that its owner would extend; empty for a mark.

    Raises:
        InvalidInput: there is no such thing to allow, the age makes no sense, or something has another type.
    """

    cache: bool = True
    ttl: float | None = None
    version: str = ""
    context: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    itself: bool = False
    row: str = ""

    def __post_init__(self) -> None:
        """Checks what was given."""
        for field in ("context", "allow", "outputs"):
            texts: object = getattr(self, field)
            if not isinstance(texts, tuple | list) or not all(isinstance(text, str) for text in texts):
                hint = f"give {field}=({EXAMPLES[field]!r},)"
                raise InvalidInput(f"{field} is a tuple or a list of texts", engine="airflow", hint=hint)
            object.__setattr__(self, field, tuple(texts))
        ttl: object = self.ttl
        if ttl is not None and (isinstance(ttl, bool) or not isinstance(ttl, (int, float))):
            raise InvalidInput("ttl is a number of seconds", engine="airflow", hint="give ttl=86400 for a day")
        check_waivers(self.allow, ALLOWED, "airflow")
        if self.ttl is not None and not self.ttl >= 0:
            raise InvalidInput(f"a result cannot be {self.ttl} seconds old", engine="airflow", hint="give 0 or more")


@overload
def cached(target: T) -> T: ...
@overload
def cached(
    *,
    ttl: float | None = None,
    version: str = "",
    context: Sequence[str] = (),
    allow: Sequence[str] = (),
    outputs: Sequence[str] = (),
) -> Callable[[T], T]: ...


def cached(target: Any = None, **said: Any) -> Any:
    """Declares a task pure: a function (below or above `@task`), an operator, or a DAG for all of its tasks.

    Args:
        target: the function, operator or DAG; without one, a decorator comes back.
        **said: the fields of `Declaration`.

    Raises:
        InvalidInput: see `Declaration`; or nothing can be marked there, or outputs are named for a whole DAG.
    """
    declaration = Declaration(**said)
    if target is None:
        return lambda target: _mark(target, declaration)
    return _mark(target, declaration)


def never(target: T) -> T:
    """Declares that a task is never to be cached, whatever is said of its DAG."""
    return _mark(target, Declaration(cache=False))


def declared(target: Any) -> Declaration | None:
    """What its owner said of a DAG, or of an operator or the function that it calls."""
    for place in (target, _callable_of(target)):
        declaration = getattr(place, MARK, None)
        if isinstance(declaration, Declaration):
            return declaration
    return None


def _mark(target: T, declaration: Declaration) -> T:
    if declaration.outputs and hasattr(target, "task_dict"):
        raise InvalidInput("a DAG has no outputs", engine="airflow", hint="name them at the task that makes them")
    place = getattr(target, "operator", target)  # what a call of a @task function returns stands for its operator
    place = getattr(place, "function", place)  # what @task makes of a function has it there
    place = getattr(place, "__func__", place)
    try:
        object.__setattr__(place, MARK, declaration)
    except (AttributeError, TypeError):
        try:
            setattr(place, MARK, declaration)
        except (AttributeError, TypeError):
            hint = "mark the function, the operator or the DAG"
            raise InvalidInput(f"a {type(target).__name__} cannot be marked", engine="airflow", hint=hint) from None
    return target


def _callable_of(operator: Any) -> Any:
    """The function that a Python operator calls, mapped or not; else None."""
    function = getattr(operator, "python_callable", None)
    return getattr(operator, "partial_kwargs", {}).get("python_callable") if function is None else function
