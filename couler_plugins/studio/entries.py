"""What there is to choose from: engines, optimizers with their options, and ready-made steps."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from couler_plugins.hookspecs.running import Where
from couler_plugins.hookspecs.steps import StepInput
from couler_plugins.ir.descriptions import meanings_of
from couler_plugins.options.fields import options_of
from couler_plugins.plugins import STEPS, Plugins
from couler_plugins.plugins.registry import OPTIMIZERS
from couler_plugins.studio.state_messages import CatalogueEntry, EngineEntry, OptimizerEntry, Option

GROUPS = ("data", "features", "train", "evaluate", "predict", "publish", "report", "notify")


def engine_entries(plugins: Plugins) -> Iterator[EngineEntry]:
    """Yield the engines."""
    for name, adapter in plugins.adapters.items():
        yield EngineEntry(name=name, runs=adapter.runner(Where()) is not None, local=adapter.offers("local"))


def optimizer_entries(plugins: Plugins) -> Iterator[OptimizerEntry]:
    """Yield the optimizers, with the plugins that bring them."""
    owners = {name: record.name for record in plugins.records for name in record.provides.get(OPTIMIZERS.key, ())}
    for name, cls in sorted(plugins.all(OPTIMIZERS).items()):
        yield OptimizerEntry(
            name=name,
            description=_summary(cls),
            owner=owners.get(name, ""),
            before=list(getattr(cls, "before", ())),
            options=list(_options(cls)),
        )


def catalogue_entries(plugins: Plugins) -> Iterator[CatalogueEntry]:
    """Yield the ready-made steps, their groups in the order of a workflow's work; groups of plugins come last."""
    order = {group: number for number, group in enumerate(GROUPS)}
    steps = plugins.all(STEPS).values()
    for step in sorted(steps, key=lambda step: order.get(step.tags[0] if step.tags else "", len(order))):
        yield CatalogueEntry(
            name=step.name,
            description=step.description,
            group=step.tags[0] if step.tags else "",
            tags=list(step.tags),
            inputs=[_input(item) for item in step.inputs],
            outputs=[Option(name=item.name, description=item.description, type=item.type) for item in step.outputs],
        )


def _summary(cls: type) -> str:
    return (inspect.getdoc(cls) or "").partition("\n")[0] if cls.__doc__ else ""


def _options(cls: type) -> Iterator[Option]:
    meanings = meanings_of(cls)
    for option in options_of(cls).values():
        default = None if option.default is None else "|".join(option.default)
        is_plain = bool(option.choices) or option.is_text or option.form_type != "text"
        description = ": ".join(filter(None, ["" if is_plain else option.type_text, meanings.get(option.field, "")]))
        yield Option(
            name=option.name,
            description=description[:1].upper() + description[1:],
            type=option.form_type,
            default=default,
            choices=list(option.choices),
        )


def _input(item: StepInput) -> Option:
    default = item.default
    if isinstance(default, tuple):
        text: str | None = ", ".join(default)
    else:
        text = None if default is None and not item.parameter else "" if default is None else str(default)
    return Option(
        name=item.name, description=item.description, type=item.type, default=text, choices=list(item.choices)
    )
