"""Rows of the settings with what nodes cost: `[[tool.couler.prices]]`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from couler_plugins.errors import InvalidInput
from couler_plugins.options.fields import build, check_range, options_of, texts_of

HINT = "write rows [[prices]] with core-hour and gib-hour, or let `couler prices` write them; see docs/cost.md"


@dataclass(frozen=True, kw_only=True)
class Price:
    """What one pool of nodes costs. A step belongs to the first row whose patterns fit it.

    Watts are those of Cloud Carbon Footprint for AWS: 0.74 W idle and 3.5 W busy a core, half of the time each; 0.392 W
    for each GB of memory, which is 0.42 W for each GiB; 1.135 for cooling and the like.

    Attributes:
        pool: what the pool is called in outputs.
        node_selector: labels that the step's pod asks of its node, each `LABEL=PATTERN`; all of them have to fit.
        node: patterns of names of nodes, of which one has to fit the node that the step ran on.
        currency: of the prices; the same in all rows.
        core_hour, gib_hour: the price of one core, and of one GiB (1024 MiB) of memory, for an hour.
        gpu_hour: that of one GPU; steps with GPUs have no price without it.
        watts_per_core, watts_per_gib: the power that one core and one GiB take.
        watts_per_gpu: that of one GPU; the carbon of steps with GPUs is unknown without it.
        pue: the energy of the whole data centre over that of its computers.
        grams_per_kwh: grams of CO2e for each kWh; no carbon is computed without it.
    """

    pool: str = "default"
    node_selector: tuple[str, ...] = ()
    node: tuple[str, ...] = ()
    currency: str = "USD"
    core_hour: float | None = None
    gib_hour: float | None = None
    gpu_hour: float | None = None
    watts_per_core: float = 2.12
    watts_per_gib: float = 0.42
    watts_per_gpu: float | None = None
    pue: float = 1.135
    grams_per_kwh: float | None = None

    def __post_init__(self) -> None:
        for option in options_of(Price).values():
            if isinstance(value := getattr(self, option.field), float):
                check_range(option.name, value, 0, 1e9)
        if not f"{self.pool}{self.currency}".isprintable():
            raise ValueError("pool or currency has characters that cannot be shown")
        if (self.core_hour is None) != (self.gib_hour is None):
            raise ValueError("core-hour and gib-hour belong together; write 0 for what costs nothing")
        if self.core_hour is None and self.grams_per_kwh is None:
            raise ValueError("it has neither prices (core-hour and gib-hour) nor grams-per-kwh")
        if wrong := [pair for pair in self.node_selector if not all(pair.partition("=")[::2])]:
            raise ValueError(f"node-selector has {wrong[0]!r:.60}, which is not of the form LABEL=PATTERN")

    def fits(self, selector: Mapping[str, str], nodes: Sequence[str]) -> bool:
        """Return whether a step belongs to this pool.

        Args:
            selector: the labels that its pod asks of a node.
            nodes: the names of the nodes that it ran on.
        """
        pairs = (pair.partition("=")[::2] for pair in self.node_selector)
        if not all(label in selector and fnmatchcase(selector[label], pattern) for label, pattern in pairs):
            return False
        return not self.node or any(fnmatchcase(name, pattern) for name in nodes[-1:] for pattern in self.node)


def prices_in(content: Any, path: Path, prefix: str) -> tuple[Price, ...]:
    """Return the rows of a settings file.

    Args:
        content: what it has under `prices`.
        path: the file.
        prefix: how the tables are called before their names (`tool.couler.`).

    Raises:
        InvalidInput: they are no rows, a row says something wrong, or no step could belong to one.
    """
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise InvalidInput("'prices' are no rows", file=str(path), hint=HINT)
    prices: list[Price] = []
    for number, row in enumerate(content, start=1):
        owner = f"[[{prefix}prices]], row {number}"
        try:
            pairs = ((key, tuple(value) if isinstance(value, list) else value) for key, value in row.items())
            price = build(Price, [(key, texts_of(value)) for key, value in pairs], owner)
        except InvalidInput as error:
            error.file, error.hint = str(path), error.hint or HINT
            raise
        if prices and price.currency != prices[0].currency:
            message = f"{owner}: it is in {price.currency}, and the first row in {prices[0].currency}"
            raise InvalidInput(message, file=str(path), hint="give all prices in one currency")
        if any(not other.node_selector and not other.node for other in prices):
            message = f"{owner}: no step can belong to it, since a row without patterns is before it"
            raise InvalidInput(message, file=str(path), hint="put the row without node-selector and node last")
        prices.append(price)
    return tuple(prices)
