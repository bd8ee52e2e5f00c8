"""Texts as words that can be compared: lower case, without endings, without those that say nothing."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["words"]

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
