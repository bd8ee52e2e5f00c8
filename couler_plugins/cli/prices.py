"""`couler prices`: what nodes cost by OpenCost's API.

Source: https://opencost.io/docs/integrations/api (allocations have hours and costs of each resource, in bytes and in
the currency that OpenCost is set to). Nothing that it says is taken on trust.
"""

from __future__ import annotations

import json
import math
from typing import Any
from urllib.parse import urlencode

import click
import msgspec

from couler_plugins.cli.messages import log_retries, write_bytes
from couler_plugins.cli.settings import max_bytes_option, with_settings
from couler_plugins.errors import EngineError, restating
from couler_plugins.ir.quantities import GIBIBYTE
from couler_plugins.net.json_api import JsonApi, Server
from couler_plugins.options.config import Config

PATH = "/allocation/compute"
DOUBT = "check that the URL is that of OpenCost's API (port 9003), and not of its UI"
SERVER = Server(
    engine="opencost",
    name="OpenCost's API",
    example="http://localhost:9003",
    suffix=PATH,
    credentials="OpenCost's API needs none",
    doubt=DOUBT,
    refusal=lambda status, what: _error(f"OpenCost's API refuses to {what}: {status}"),
)
UNITS: dict[str, tuple[str, str, int]] = {
    "core-hour": ("cpuCoreHours", "cpu", 1),
    "gib-hour": ("ramByteHours", "ram", GIBIBYTE),
    "gpu-hour": ("gpuHours", "gpu", 1),
}
"""The fields with the hours of each resource, what those with its costs begin with, and how much of it a unit is."""


def _error(message: str, hint: str = DOUBT) -> EngineError:
    return EngineError(message, engine="opencost", hint=hint)


class _Answer(msgspec.Struct):
    """Allocations by name, in one set or several; a set without any may be null."""

    data: list[dict[str, dict[str, Any]] | None]


@click.command(
    "prices",
    epilog="""\b
Examples:
  kubectl -n opencost port-forward deployment/opencost 9003
  couler prices http://localhost:9003 >> couler.toml
  couler prices http://localhost:9003 --window 30d --currency EUR
""",
)
@click.argument("url", metavar="URL")
@click.option(
    "--window", default="7d", show_default=True, metavar="TIME", help="The time that prices are averaged over."
)
@click.option(
    "--currency", default="USD", show_default=True, metavar="CODE", help="The currency that OpenCost is set to."
)
@max_bytes_option
@with_settings
def command(*, config: Config, url: str, window: str, currency: str) -> None:
    """Asks OpenCost for prices, as a row of couler.toml.

    Prints what an hour of a core, of a GiB of memory, and of a GPU costs. The prices are averages
    over all pods of the cluster. With them, `couler explain --history` shows money.
    """
    log_retries()
    query = urlencode({"window": window, "aggregate": "cluster", "accumulate": "true"})
    answer = JsonApi(SERVER, url, config.max_bytes).ask("GET", f"{PATH}?{query}", "list costs", {})
    with restating(msgspec.ValidationError, "the answer is none of OpenCost's", _error):
        allocations = [one for some in msgspec.convert(answer, _Answer).data for one in (some or {}).values()]
        prices = {name: _unit_price(allocations, *fields) for name, fields in UNITS.items()}
    if prices["core-hour"] is None or prices["gib-hour"] is None:
        hint = "give a longer --window, or wait until it has collected some"
        raise _error(f"OpenCost knows no costs of cores and memory in {window}", hint)
    rows = [f"{name} = {price:.6g}" for name, price in prices.items() if price is not None]
    title = f"# Averages of OpenCost over {json.dumps(window)}"
    write_bytes("\n".join([title, "[[prices]]", f"currency = {json.dumps(currency)}", *rows, ""]))


def _unit_price(allocations: list[dict[str, Any]], hours: str, resource: str, unit: int) -> float | None:
    """Return the price of one unit for an hour; None where nothing was used, or nothing sensible is said."""
    fields = (hours, f"{resource}Cost", f"{resource}CostAdjustment")
    rows = msgspec.convert([[one.get(name) for name in fields] for one in allocations], list[list[float | None]])
    used, costs = sum(row[0] or 0.0 for row in rows), sum(one or 0.0 for row in rows for one in row[1:])
    price = costs / used * unit if used > 0 else math.nan
    return price if 0 <= price < math.inf else None
