"""Cards: descriptions of the data and of the model, for tuners that use them."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from couler_plugins.hookspecs.parameters import Value

__all__ = ["DataCard", "Direction", "ModelCard"]

Direction = Literal["minimize", "maximize"]
SHARES = ("accuracy", "acc", "auc", "roc_auc", "average_precision", "precision", "recall", "f1", "map", "ndcg")
HIGHER = (*SHARES, "r2", "bleu")
ERRORS = ("log_loss", "error", "mse", "mae", "rmse", "perplexity", "wer", "cer")
LOWER = ("loss", *ERRORS)
KNOWN: dict[str, Direction] = {**dict.fromkeys(HIGHER, "maximize"), **dict.fromkeys(LOWER, "minimize")}


class DataCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """The data that a model is trained on.

    Attributes:
        name: what it is called.
        input_type: what comes in: `table`, `image`, `text`, …
        label_space: what comes out: the classes by name, or `real`, or any description.
        metric: what counts at the end of a training.
        direction: whether more of it is better or less; may be left out for metrics that everybody knows.
        size: how many examples there are.
        classes: how many classes there are.
        description: whatever else its owner wants to say.
    """

    name: str
    metric: str
    input_type: str = ""
    label_space: str = ""
    direction: Direction | Literal[""] = ""
    size: int | None = None
    classes: int | None = None
    description: str = ""

    def __post_init__(self) -> None:
        """Checks what has to be said.

        Raises:
            ValueError: a name is empty, a count is less than it can be, or nobody says which way the metric is better.
        """
        for field in ("name", "metric"):
            if not getattr(self, field).strip():
                raise ValueError(f"`{field}` is empty")
        if self.size is not None and self.size < 1:
            raise ValueError(f"`size` is {self.size} and has to be at least 1")
        if self.classes is not None and self.classes < 2:
            raise ValueError(f"`classes` is {self.classes} and has to be at least 2")

        if not self.direction and _bare(self.metric) not in KNOWN:
            raise ValueError("`direction` is missing: whether to minimize or to maximize the metric")

    @property
    def goal(self) -> Direction:
        """Whether to minimize or to maximize the metric."""
        return self.direction or KNOWN[_bare(self.metric)]

    @property
    def bounds(self) -> tuple[float, float]:
        """What the metric can be at least and at most, as far as its name says."""
        metric = _bare(self.metric)
        if metric in SHARES:
            return 0.0, 1.0
        return (-math.inf, 1.0) if metric == "r2" else (0.0 if metric in ERRORS else -math.inf, math.inf)


class ModelCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """The model that is trained.

    Attributes:
        name: what it is called.
        structure: its kind: `mlp`, `gradient boosting`, `resnet-50`, …
        description: whatever else its owner wants to say.
        architecture: hyperparameters of its architecture that are not searched, by name.
    """

    name: str
    structure: str = ""
    description: str = ""
    architecture: tuple[tuple[str, Value], ...] = ()

    def __post_init__(self) -> None:
        """Checks what has to be said.

        Raises:
            ValueError: the name is empty.
        """
        if not self.name.strip():
            raise ValueError("`name` is empty")


def _bare(metric: str) -> str:
    """A metric's name without what says on which data it is measured."""
    name = metric.lower().replace("-", "_").replace(" ", "_")
    for prefix in ("val_", "valid_", "validation_", "test_", "eval_", "train_"):
        name = name.removeprefix(prefix)
    return name
