"""Contract of optimizers, and hooks around each of them."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from couler_plugins.ir import Workflow
from couler_plugins.markers import hookspec
from couler_plugins.options.rows import Row
from couler_plugins.plan import Part, Plan
from couler_plugins.runs import Run

if TYPE_CHECKING:
    from couler_plugins.hookspecs.adapters import Adapter
    from couler_plugins.hookspecs.causes import Cause
    from couler_plugins.hookspecs.partitioners import Partitioner
    from couler_plugins.hookspecs.policies import CachePolicy
    from couler_plugins.hookspecs.profiles import Profile
    from couler_plugins.hookspecs.tuners import Tuner

__all__ = [
    "Context",
    "Optimizer",
    "couler_after_optimizer",
    "couler_before_optimizer",
    "couler_optimizers",
    "work_at",
]


class Context(Protocol):
    """What an optimizer may ask for while it runs.

    Attributes:
        explains: whether anybody is told what is decided: figures that are only told need not be computed otherwise.
    """

    explains: bool

    def profile(self, workflow: Workflow, step: str) -> Profile:
        """What is known of a step (`graph/step`) or an operation (its name) from past runs; None where nothing is."""

    def runs(self, workflow: Workflow) -> Sequence[Run]:
        """Its past runs in the history that the user named, oldest first."""

    def policy(self, text: str) -> CachePolicy:
        """The cache policy that a text names, with its options (`ttl{days=30}`).

        Raises:
            InvalidInput: no plugin provides it, or it has no such option.
        """

    def partitioner(self, text: str) -> Partitioner:
        """The partitioner that a text names, with its options (`critical-path{launch=5}`).

        Raises:
            InvalidInput: no plugin provides it, or it has no such option.
        """

    def tuner(self, text: str) -> Tuner:
        """The tuner that a text names, with its options (`optuna{seed=3}`).

        Raises:
            InvalidInput: no plugin provides it, or it has no such option.
        """

    def previous(self, workflow: Workflow) -> Sequence[Part]:
        """How the workflow was split before, as far as the user says; parts in the order in which they could start."""

    def rows(self, optimizer: str) -> Sequence[Row]:
        """The rows of the settings, `[[tool.couler.OPTIMIZER.declare]]`, in the order of the file."""

    def causes(self) -> Sequence[Cause]:
        """The table of causes: the rows of all plugins, in the order in which they are looked for.

        Raises:
            PluginFailure: two plugins have a row of one name.
        """

    def adapter(self, engine: str) -> Adapter:
        """The adapter of an engine, with its facets.

        Raises:
            InvalidInput: no plugin provides one.
        """

    def progress(self, message: str) -> None:
        """Tells the user what is going on, where they asked for it."""


class Optimizer(Protocol):
    """A pass over the plan: a frozen class whose fields are its options.

    It is deterministic, reads no clock and no store by itself, and finds nothing more to do in its own result.
    The class's docstring (first line) is shown by `couler plugins`.

    A class may have `before: ClassVar[tuple[str, ...]]`: the names of optimizers that may stand behind it in a
    pipeline, and not in front of it, since it would spoil what they have made. One that has
    `reads_rows: ClassVar[bool] = True` asks for the rows of the settings under its name; other rows are an error.
    """

    name: ClassVar[str]
    """Kebab-case, unique among all plugins; how a pipeline names it."""

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan as it should be, with a `Decision` for every change; the same object where there is none."""


def work_at(place: str) -> Callable[[Any, Plan, Context], Plan]:
    """Return a method `run` for an optimizer whose work is a function elsewhere, imported when the optimizer runs.

    Every start of a command makes the classes of all optimizers, and few commands run one.

    Args:
        place: the function, such as `my_package.application:apply`; it gets the optimizer, the plan and the context.
    """

    def run(self: Any, plan: Plan, ctx: Context) -> Plan:
        """Return the plan as it should be, with a decision on every change."""
        return cast("Plan", pkgutil.resolve_name(place)(self, plan, ctx))

    return run


@hookspec
def couler_optimizers() -> list[type[Optimizer]]:  # type: ignore[empty-body]  # pluggy wants none
    """Return the optimizer classes of this plugin."""


@hookspec
def couler_before_optimizer(name: str, plan: Plan) -> None:
    """Observe the plan that an optimizer is about to get; it cannot be changed here."""


@hookspec
def couler_after_optimizer(name: str, before: Plan, after: Plan) -> None:
    """Observe what an optimizer made of the plan; it cannot be changed here."""
