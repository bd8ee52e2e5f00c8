"""Labels of executors: operations share one for as long as it is the same for all of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from couler_kfp.components import Body, usual_label

__all__ = ["labels"]


def labels(
    bodies: Mapping[str, Body], native: Callable[[str], Body | None], unused: Collection[str] = ()
) -> dict[str, str]:
    """The labels of operations whose executor, or platform configuration, has to be another one than their body says.

    Args:
        bodies: what each operation is made of, by its name.
        native: what had a label before; None for a new one.
        unused: labels of executors that nothing runs.
    """
    labels_before = {*unused, *(body.label for body in bodies.values())}
    groups: dict[str, list[tuple[Body, list[str]]]] = {}
    for name, body in bodies.items():
        alike = groups.setdefault(body.label, [])
        names = next((names for other, names in alike if other == body), None)
        if names is None:
            alike.append((body, [name]))
        else:
            names.append(name)
    labels: dict[str, str] = {}
    for label, alike in groups.items():
        if len(alike) > 1:
            stays = native(label)
            keeper = next((names for body, names in alike if body == stays), alike[0][1])
            for _, names in alike:
                if names is not keeper:
                    fresh = _free(usual_label(names[0]), labels_before)
                    labels_before.add(fresh)
                    labels.update(dict.fromkeys(names, fresh))
    return labels


def _free(label: str, labels: set[str]) -> str:
    number, free = 1, label
    while free in labels:
        number += 1
        free = f"{label}-{number}"
    return free
