"""Lifting of files whose documents are data: each object by itself, and a file with a mistake not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from couler_plugins.errors import CoulerError
from couler_plugins.ir import Bundle, Homes, Workflow
from couler_plugins.plan import Link, Part, Plan


def lift_objects(
    bundle: Bundle,
    objects: Iterable[tuple[int, Callable[[], Workflow]]],
    refuse: Callable[[int, CoulerError], None],
    homes: Homes,
    join: Callable[[Sequence[Workflow]], tuple[tuple[Part, ...], tuple[Link, ...]]],
) -> Plan:
    """The workflows of all objects of the bundle.

    Args:
        bundle: the files of the call.
        objects: what lifts each object, with the number of its document.
        refuse: is told the number and the first error of each file that is not what it claims to be; the workflows of
            such a file are left out, so that it passes through untouched.
        homes: where the engine keeps settings of steps.
        join: gives the parts of workflows that were split, and what crosses between these.
    """
    workflows: list[Workflow] = []
    refused: set[int] = set()
    for number, lift in objects:
        file, document = bundle.file_numbers[number], bundle.documents[number]
        try:
            workflows.append(lift())
        except CoulerError as error:
            if file not in refused:
                error.file, error.line = bundle.files[file].name, error.line or document.line_of(error.path)
                refuse(file, error)
            refused.add(file)
    lifted = tuple(workflows)
    plan = Plan(bundle=bundle, originals=lifted, workflows=lifted, homes=homes).without(refused)
    parts, links = join(plan.workflows)
    return replace(plan, parts=parts, links=links)
