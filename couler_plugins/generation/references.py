"""What a form refers to: its references read, and what each step waits for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from couler_plugins.generation.form import ITEM, WORKFLOW, FormStep

__all__ = ["Reference", "read_reference", "reads", "waits_for"]


class Reference(NamedTuple):
    """A reference: an output of a step, or an input of the workflow (`step` is `inputs`), or the item of a fan-out."""

    step: str
    name: str = ""

    @property
    def is_item(self) -> bool:
        """Whether it is the item of a fan-out."""
        return self.step == ITEM

    @property
    def is_input(self) -> bool:
        """Whether it is an input of the workflow."""
        return self.step == WORKFLOW

    @property
    def producer(self) -> str:
        """The step that gives it; empty where none does."""
        return "" if self.is_item or self.is_input else self.step


def read_reference(text: str) -> Reference | None:
    """A reference; None where the text is none."""
    if text == ITEM:
        return Reference(ITEM)
    step, dot, name = text.partition(".")
    return Reference(step, name) if step and dot and name and step != ITEM else None


def reads(step: FormStep) -> Iterator[tuple[str, str]]:
    """All references of a step as (where it stands, text)."""
    for step_input in step.inputs:
        yield from ((f"input {step_input.name!r}", text) for text in step_input.sources)
    if step.when is not None:
        yield "when", step.when.left
    if isinstance(step.over, str):
        yield "over", step.over


def waits_for(step: FormStep) -> list[str]:
    """The steps that a step waits for, each once, those that it reads first."""
    read = [reference.producer for _, text in reads(step) if (reference := read_reference(text)) is not None]
    return [name for name in dict.fromkeys((*read, *step.needs)) if name]
