"""Puts the cache around an operator's `execute`, in a way that neither Airflow's serialized DAG nor its UI sees.

A hit returns the value from `execute`: the task succeeds, its XComs are pushed and what is mapped over them is counted
by Airflow itself. `resume_execution` is what a worker calls in the place of `execute` after a task was deferred; its
result is the one that post-execute hooks get.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable
from typing import Any

from couler_airflow.cache.eligible import is_mapped
from couler_airflow.marks import Declaration
from couler_airflow.settings import is_enabled

log = logging.getLogger(__name__)
METHODS = ("execute", "resume_execution")


def wrap(operator: Any, declaration: Declaration, *, stores: bool = True) -> None:
    """Have an operator look its result up before it computes it, and keep it afterwards.

    Args:
        operator: an operator, or a mapped one; it is changed in place. Wrapping it again changes what was declared.
        declaration: what its owner says of it.
        stores: whether its result may be kept and reused; otherwise only its key is told to what runs after it.
    """
    if is_mapped(operator):
        cls = getattr(operator.operator_class, "__couler_original__", operator.operator_class)
        operator.operator_class = _subclass(cls, declaration, stores)
        return
    for name in METHODS:
        # An attribute of the instance, which Airflow's own copy of it for the run takes along.
        object.__setattr__(operator, name, _Method(name, declaration, stores))


def obstacle(operator: Any) -> str:
    """Return why nothing can be put around an operator; empty where nothing is in the way."""
    if not is_mapped(operator):
        for name in METHODS:
            if not isinstance(vars(operator).get(name), _Method | None):
                return f"somebody else has replaced its {name}"
    return ""


def is_wrapped(operator: Any) -> bool:
    """Whether an operator, or what a mapped one is made into for a run, looks its result up."""
    if is_mapped(operator):
        return hasattr(operator.operator_class, "__couler_original__")
    return isinstance(vars(operator).get(METHODS[0]), _Method)


@dataclasses.dataclass(frozen=True, slots=True)
class _Method:
    """`execute` or `resume_execution` of one operator, with the cache around it."""

    name: str
    declaration: Declaration
    stores: bool

    def __call__(self, *arguments: Any, context: Any = None, **named: Any) -> Any:
        if context is None:
            *arguments, context = arguments  # type: ignore[assignment]  # a list, which is passed on as it is
        task = context["ti"].task  # the copy that was rendered, not the operator that was parsed
        original = functools.partial(getattr(type(task), self.name), task, *arguments, **named)
        resumed = None if self.name == "execute" else [arguments, named]
        return _run(resumed, task, context, original, self.declaration, self.stores)


@functools.lru_cache(maxsize=1024)
def _subclass(cls: type, declaration: Declaration, stores: bool) -> type:
    """A class of the same name with the cache around both methods: what a mapped operator is made into for a run."""

    def method(name: str) -> Callable[..., Any]:
        def call(self: Any, *arguments: Any, context: Any = None, **named: Any) -> Any:
            if context is None:
                *arguments, context = arguments  # type: ignore[assignment]  # a list, which is passed on as it is
            original = functools.partial(getattr(cls, name), self, *arguments, **named)
            resumed = None if name == "execute" else [arguments, named]
            return _run(resumed, self, context, original, declaration, stores)

        call.__name__ = name
        return call

    names = {name: method(name) for name in METHODS}
    same = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    return type(cls)(cls.__name__, (cls,), {**names, **same, "__couler_original__": cls})


def _run(
    resumed: Any, task: Any, context: Any, original: Callable[..., Any], declaration: Declaration, stores: bool
) -> Any:
    def compute() -> Any:
        return original(context=context)

    try:
        from couler_airflow.runtime.run import Run

        run = Run(task, context, declaration, stores=stores, resumed=resumed) if is_enabled() else None
    except Exception as error:  # noqa: BLE001  # where our part is broken or set up wrongly, tasks run all the same
        log.warning("the task goes on without the cache: %s", type(error).__name__)
        run = None
    return compute() if run is None else run.result(compute)
