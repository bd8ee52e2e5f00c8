"""The set of artifacts that makes the next runs cheapest: greedy from both ends, then add-and-repair moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush

from couler_plugins.caching.policies.scr.choice import Choice

__all__ = ["choose"]

MOVES, ROUNDS = 24, 3

LIMIT = 20_000_000
"""The work after which the search only ends what it has begun; counted, so that every machine chooses alike."""

LITTLE = 1e-9
"""The share of what is saved that is no gain: rounding."""

Bundle = tuple[str, ...]


def choose(choice: Choice, bundles: Sequence[Bundle]) -> None:
    """Fills an empty choice with what saves most: the better of a greedy start and of a thinned one, polished.

    The greedy start adds; it is misled where artifacts save only together. The thinned one starts from everything and
    drops; it is misled where one artifact does for another.
    """
    _greedy(choice, bundles)
    if choice.work < LIMIT:
        saved, kept = choice.saved, tuple(choice.kept)
        choice.clear()
        _thin(choice)
        _greedy(choice, bundles)
        if choice.saved < saved:
            choice.clear()
            choice.add(kept)
    for _ in range(ROUNDS):
        if choice.work >= LIMIT:
            break
        saved = choice.saved
        _polish(choice, bundles)
        if choice.saved <= saved * (1 + LITTLE):
            break


def _greedy(choice: Choice, bundles: Sequence[Bundle]) -> None:
    """Lazy greedy by seconds saved per byte: a gain is worked out again only when its bundle comes up."""
    queue = [(-rank, order) for order, keys in enumerate(bundles) if (rank := _rank(choice, choice.missing(keys))) > 0]
    heapify(queue)
    while queue:
        before, order = heappop(queue)
        keys = choice.missing(bundles[order])
        rank = _rank(choice, keys)
        if rank <= 0:
            continue
        if queue and -rank > before and (-rank, order) > queue[0] and choice.work < LIMIT:
            heappush(queue, (-rank, order))
        else:
            choice.add(keys)


def _rank(choice: Choice, keys: Bundle) -> float:
    """Seconds saved per byte; 0 where there is no room."""
    size = choice.size(keys)
    return choice.gain(keys) / max(size, 1) if keys and size <= choice.room else 0.0


def _polish(choice: Choice, bundles: Sequence[Bundle]) -> None:
    """Adds what saves most per byte, drops what saves least until it fits, goes back if that is no gain; fills up."""
    whole = choice.room + choice.size(choice.kept)
    gains = []
    for order, bundle in enumerate(bundles):
        keys = choice.missing(bundle)
        if keys and (size := choice.size(keys)) <= whole and (saved := choice.gain(keys)) > 0:
            gains.append((-saved / max(size, 1), order))
    losses = {key: choice.loss(key) for key in choice.kept}
    for _, order in sorted(gains)[:MOVES]:
        _move(choice, choice.missing(bundles[order]), losses)
    _greedy(choice, bundles)


def _move(choice: Choice, added: Bundle, losses: dict[str, float]) -> None:
    """One add-and-repair move. `losses`, what each kept artifact was last found to save, is brought up to date."""
    before = choice.saved
    choice.add(added)
    dropped = _repair(choice, losses)
    if choice.room < 0 or choice.saved <= before * (1 + LITTLE):
        for key in added:
            choice.drop(key)
        choice.add(tuple(dropped))
        return
    for key in dropped:
        del losses[key]
    for key in added:
        losses[key] = choice.loss(key)


def _thin(choice: Choice) -> None:
    """From everything that may be of use, drops what saves least per byte until the rest fits."""
    choice.add(tuple(key for key, artifact in choice.artifacts.items() if artifact.places))
    _repair(choice, {key: choice.loss(key) for key in choice.kept})


def _repair(choice: Choice, losses: Mapping[str, float]) -> list[str]:
    """Drops those of least loss per byte until the rest fits; a loss is worked out again when its turn comes."""
    queue = [(loss / max(choice.artifacts[key].size, 1), key) for key, loss in losses.items()]
    heapify(queue)
    dropped = []
    while choice.room < 0 and queue:
        _, key = heappop(queue)
        rank = choice.loss(key) / max(choice.artifacts[key].size, 1)
        if queue and rank > queue[0][0] and choice.work < LIMIT:
            heappush(queue, (rank, key))
        else:
            choice.drop(key)
            dropped.append(key)
    return dropped
