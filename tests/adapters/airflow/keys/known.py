"""What fails today: the name of a case, and what happens. It shall shrink to nothing; a case that is mended leaves it."""

from __future__ import annotations

__all__ = ["KNOWN"]

KNOWN: dict[str, str] = {
    "shared-or-equal": "wrong hit",
    "backend-shared-list": "wrong hit",
    "lru-cache-that-is-filled": "wrong hit",
    "file-sqlite-attached": "wrong hit",
    "attribute-named-as-a-clock": "needless refused: it names sample, which may reach randomness",
    "same-attribute-named-now": "needless refused: it names now, which may reach clock",
    "same-sklearn-pipeline": "needless refused: it names Ridge without a seed, which may reach randomness",
    "edit-argument-by-name": "needless miss",
    "edit-class-method-not-called": "needless miss",
    "edit-method-of-a-dataclass-not-called": "needless miss",
    "params-another-one": "needless miss",
}
