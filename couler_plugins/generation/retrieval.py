"""Retrieval of catalogue steps for a description: by its words, weighted by BM25.

Own code, as it is less than what a library would bring: `bm25s` needs SciPy, and `rank-bm25` has had no release since
2022. The catalogues have hundreds of entries, not millions.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest

from couler_plugins.hookspecs import CatalogueStep

WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
ENDING = re.compile(r"(?:ations?|itions?|ions?|ings?|ers?|ors?|ies|ment|ed|es|s|e|y)$")
SHORTEST = 3
EMPTY = frozenset(
    {"a", "all", "an", "and", "any", "are", "as", "at", "be", "by", "each", "for", "from", "has", "have", "if", "in"}
    | {"into", "is", "it", "its", "of", "on", "one", "or", "than", "that", "the", "their", "them", "then", "there"}
    | {"they", "this", "to", "use", "using", "was", "what", "when", "where", "which", "with"}
    | {"step", "steps", "workflow", "pipeline"}
)


def words(text: str) -> list[str]:
    """The words of a text, in order; `TrainModels`, `train-model` and `training of a model` have the same."""
    return [stem for word in WORD.findall(text) if (stem := _stem(word.lower())) and word.lower() not in EMPTY]


@lru_cache(maxsize=10_000)
def _stem(word: str) -> str:
    """A word without its ending; crude, and the same for both sides of every comparison."""
    shorter = ENDING.sub("", word)
    return shorter if len(shorter) >= SHORTEST else word


K1, B = 1.2, 0.75
MOST = 24
"""Steps that a model chooses from: what it can be told in a few thousand tokens."""


class Index:
    """Texts by name, in which others are looked up.

    Args:
        texts: the texts.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._counts = {name: Counter(words(text)) for name, text in texts.items()}
        self._lengths = {name: counts.total() for name, counts in self._counts.items()}
        self._mean = sum(self._lengths.values()) / max(len(texts), 1) or 1.0
        self._holders = Counter(word for counts in self._counts.values() for word in counts)

    def best(self, query: str, most: int) -> list[str]:
        """The names of texts that have words of the query, the best first."""
        query_words = set(words(query))
        scores = {name: self._score(query_words, name) for name in self._counts}
        names = [name for name, score in scores.items() if score > 0]
        return sorted(names, key=lambda name: (-scores[name], name))[:most]

    def _score(self, query_words: Iterable[str], name: str) -> float:
        counts = self._counts[name]
        damped = K1 * (1 - B + B * self._lengths[name] / self._mean)
        return math.fsum(self._rarity(word) * counts[word] * (K1 + 1) / (counts[word] + damped) for word in query_words)

    def _rarity(self, word: str) -> float:
        holders = self._holders[word]
        return math.log(1 + (len(self._counts) - holders + 0.5) / (holders + 0.5))


def described(step: CatalogueStep) -> str:
    """What is looked up of a step. Its name and tags say most, and stand there twice."""
    ports = [f"{item.name} {item.description}" for item in step.inputs]
    ports += [f"{item.name} {item.description}" for item in step.outputs]
    own = " ".join((step.name, *step.tags))
    return f"{own} {own} {step.description} {' '.join(ports)}"


def retrieve(
    queries: Sequence[str], catalogue: Mapping[str, CatalogueStep], most: int = MOST, each: int = MOST
) -> list[str]:
    """The names of steps for some queries: the best of each, then the second best of each, and so on.

    Args:
        queries: subtasks, and what they are subtasks of.
        catalogue: ready-made steps by name.
        most: how many names.
        each: how many for one query.
    """
    index = Index({name: described(step) for name, step in catalogue.items()})
    ranked = [index.best(query, each) for query in queries]
    turns = (name for turn in zip_longest(*ranked) for name in turn if name is not None)
    return list(dict.fromkeys(turns))[:most]
