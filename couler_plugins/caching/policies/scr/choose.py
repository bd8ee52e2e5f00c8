"""The set of artifacts that makes the next runs cheapest: from everything down, then add-and-repair moves."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from math import inf

from couler_plugins.caching.policies.scr.choice import Choice

MOVES, ROUNDS = 24, 3

LIMIT = 20_000_000
"""The work after which the search only ends what it has begun; counted, so that every machine chooses alike."""

LITTLE = 1e-9
"""The share of what is saved that is no gain: rounding."""

MISLED = 0.01
"""The share of what is saved that polishing gains where the start was misled."""

Bundle = tuple[str, ...]
Queue = list[tuple[float, str]]
"""A heap of kept artifacts, by the seconds that dropping one loses per byte."""


def choose(choice: Choice, bundles: Sequence[Bundle]) -> None:
    """Fills an empty choice with what saves most: a thinned start, polished; where that misled, a greedy one as well.

    The thinned start drops from everything; it is misled where one artifact does for another, and then polishing gains
    much. The greedy one adds; it is misled where artifacts save only together.
    """
    _thin(choice)
    _greedy(choice, bundles)
    start = choice.saved
    _polish(choice, bundles)
    if choice.saved > start * (1 + MISLED) and choice.work < LIMIT:
        saved, kept = choice.saved, tuple(choice.kept)
        choice.clear()
        _greedy(choice, bundles)
        _polish(choice, bundles)
        if choice.saved < saved:
            choice.clear()
            choice.add(kept)


def _greedy(choice: Choice, bundles: Sequence[Bundle]) -> None:
    """Lazy greedy by seconds saved per byte: a gain is worked out again only when its bundle comes up."""
    queue = []
    for order, bundle in enumerate(bundles):
        keys = choice.missing(bundle)
        if keys and (size := choice.size(keys)) <= choice.room and (saved := choice.foreseen(keys)) > 0:
            queue.append((-saved / (size or 1), order))
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
    return choice.gain(keys) / (size or 1) if keys and size <= choice.room else 0.0


def _polish(choice: Choice, bundles: Sequence[Bundle]) -> None:
    """Rounds of moves, as long as they gain: adds what saves most per byte, drops what saves least until it fits."""
    for _ in range(ROUNDS):
        if choice.work >= LIMIT:
            return
        saved = choice.saved
        best, queue = _most(choice, bundles), _losses(choice)
        for order in best:
            if _move(choice, choice.missing(bundles[order]), list(queue)):
                queue = _losses(choice)
        _greedy(choice, bundles)
        if choice.saved <= saved * (1 + LITTLE):
            return


def _most(choice: Choice, bundles: Sequence[Bundle]) -> list[int]:
    """The bundles that save most per byte, if there were room: lazily, by what each was last found to save."""
    whole = choice.room + choice.size(choice.kept)
    queue = []
    for order, bundle in enumerate(bundles):
        keys = choice.missing(bundle)
        if keys and (size := choice.size(keys)) <= whole and (saved := choice.foreseen(keys)) > 0:
            queue.append((-saved / (size or 1), order, keys, size or 1))
    heapify(queue)
    moves: list[int] = []
    while queue and len(moves) < MOVES:
        before, order, keys, size = heappop(queue)
        rank = -choice.gain(keys) / size
        if rank < 0 and (rank <= before or not queue or rank <= queue[0][0]):
            moves.append(order)
        elif rank < 0:
            heappush(queue, (rank, order, keys, size))
    return moves


def _move(choice: Choice, added: Bundle, queue: Queue) -> bool:
    """One add-and-repair move, with the queue of what is kept; whether it was made."""
    start, least = choice.mark(), choice.saved * (1 + LITTLE)
    choice.add(added)
    _repair(choice, queue, least)
    if choice.room < 0 or choice.saved <= least:
        choice.back(start)
        return False
    return True


def _thin(choice: Choice) -> None:
    """From everything that may be of use, drops what saves least per byte until the rest fits."""
    choice.add(tuple(key for key, artifact in choice.artifacts.items() if artifact.places))
    _repair(choice, _losses(choice))


def _losses(choice: Choice) -> Queue:
    """What is kept, by the seconds that dropping it loses per byte."""
    queue = [(choice.loss(key) / (choice.artifacts[key].size or 1), key) for key in choice.kept]
    heapify(queue)
    return queue


def _repair(choice: Choice, queue: Queue, least: float = -inf) -> None:
    """Drops those of least loss per byte until the rest fits; a loss is worked out again when its turn comes.

    It gives up once no more than `least` is saved.
    """
    while choice.room < 0 and choice.saved > least and queue:
        _, key = heappop(queue)
        rank = choice.loss(key) / (choice.artifacts[key].size or 1)
        if queue and rank > queue[0][0] and choice.work < LIMIT:
            heappush(queue, (rank, key))
        else:
            choice.drop(key)
