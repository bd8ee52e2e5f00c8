"""`couler metrics`: past runs, the store and the optimizers as metrics for Prometheus, and a dashboard for Grafana."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import click
import msgspec

from couler_plugins import __version__
from couler_plugins.cli.cache_options import AGE, existing, store_options, tidy
from couler_plugins.cli.cache_report import past_runs
from couler_plugins.cli.messages import say
from couler_plugins.cli.outputs import write_text
from couler_plugins.cli.settings import pipeline_option
from couler_plugins.cli.work import FileCall, file_command
from couler_plugins.driver.results import Result
from couler_plugins.driver.session import optimize_inputs
from couler_plugins.errors import CoulerError, EngineError, restating
from couler_plugins.monitoring.dashboard import dashboard as dashboard_data
from couler_plugins.monitoring.metrics import OTHER, Metrics
from couler_plugins.options.config import Config

LOOPBACK = "127.0.0.1"
log = logging.getLogger(__name__)


class Address(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.4
    """`9877`, `0.0.0.0:9877` or `[::1]:9877`."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """The host, loopback where none is named, and the port; a usage error where the text is no address."""
        host, _, port = str(value).rpartition(":")
        if not (port.isascii() and port.isdigit() and int(port) < 1 << 16):
            self.fail(f"{value!r} is no address such as 9877, 0.0.0.0:9877 or [::1]:9877", param, ctx)
        return host.strip("[]") or LOOPBACK, int(port)


class Reader:
    """The metrics, read again when they are asked for after some time; the last ones where that fails.

    A counter that is smaller than before goes on from where it was: runs that are removed from a history, or that were
    repeated in place, would else look like a restart, after which Prometheus counts all that is left as new.

    Args:
        read: reads all of them.
        refresh: for how many seconds they are not read again.

    Attributes:
        metrics: those that were read last.

    Raises:
        CoulerError: they cannot be read.
    """

    def __init__(self, read: Callable[[], Metrics], refresh: float) -> None:
        self._read, self._refresh = read, refresh
        self._lock = threading.Lock()
        self.metrics, self._time = read(), time.monotonic()
        self._counts = _counts(self.metrics)
        self._lost: Counter[tuple[str, ...]] = Counter()

    def collect(self) -> Iterator[Any]:
        """Yield the families of metrics, as prometheus-client has them."""
        with self._lock:
            if time.monotonic() >= self._time + self._refresh:
                try:
                    self.metrics = self._read()
                    counts = _counts(self.metrics)
                    self._lost.update({name: max(0, old - counts.get(name, old)) for name, old in self._counts.items()})
                    self._counts |= counts
                except CoulerError as error:
                    log.warning("the metrics of before are served: %s", error)
                    self.metrics.of("couler_up").set(0)
                self._time = time.monotonic()
            families = list(self.metrics.registry.collect())
            for family in families:
                samples = [(one, self._lost[one.name, *one.labels.values()]) for one in family.samples]
                family.samples = [one._replace(value=one.value + lost) if lost else one for one, lost in samples]
        yield from families


def _counts(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Return the values of counters and histograms, by the names of series and the values of their labels."""
    families = [family for family in metrics.registry.collect() if family.type in ("counter", "histogram")]
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


@file_command(
    "metrics",
    pipeline_option,
    click.option(
        "--listen",
        type=Address(),
        metavar="[HOST:]PORT",
        help="Serve the metrics over HTTP. HOST: where to listen; only this machine reaches the default, 127.0.0.1.",
    ),
    click.option(
        "--refresh",
        type=AGE,
        default="15s",
        show_default=True,
        metavar="TIME",
        help="With --listen: read history and store again for what is asked this long after the last time.",
    ),
    click.option("-o", "--output", metavar="FILE", help="Where to write the metrics; - for stdout."),
    click.option(
        "--format",
        "exposition",
        type=click.Choice(["openmetrics", "prometheus"]),
        default="openmetrics",
        show_default=True,
        help="The format that is written: `prometheus` is the older one, which node_exporter reads. HTTP has both.",
    ),
    click.option(
        "--max-workflows",
        type=click.IntRange(min=1),
        default=200,
        show_default=True,
        metavar="N",
        help=f"Workflows with series of their own. Those that came later are added up as `{OTHER}`.",
    ),
    click.option("--dashboard", is_flag=True, help="Print the dashboard for Grafana, as JSON, and nothing else."),
    store_options,
    epilog="""\b
Examples:
  couler metrics --history history.jsonl
  couler metrics --history history.jsonl --listen 9877
  couler metrics --history history.jsonl --store s3://bucket/cache --listen 0.0.0.0:9877
  couler metrics --history history.jsonl --format prometheus -o /var/lib/node_exporter/couler.prom
  couler metrics workflows/ -p cache,guard --history history.jsonl -o metrics.txt
  couler metrics --dashboard > couler-dashboard.json
""",
)
def command(
    files: FileCall,
    *,
    listen: tuple[str, int] | None,
    refresh: float,
    output: str | None,
    exposition: str,
    max_workflows: int,
    dashboard: bool,
) -> int:
    """Exports past runs, caches and optimizers as metrics for Prometheus.

    Of past runs (--history): how many ended, and how; how long they, their steps, and the waits between steps took;
    what caches answered, and what that saved. Of a store (--store): its size. Of workflows that are named: how long
    each optimizer takes over them, and how often it decides to change something.

    Writes the metrics once, or serves them with --listen. Labels have names of engines, workflows, namespaces and
    optimizers, and nothing of single runs. See docs/metrics.md.
    """
    if dashboard:
        write_text(f"{msgspec.json.format(msgspec.json.encode(dashboard_data()), indent=1).decode()}\n", output)
        return 0
    if not (files.config.history or files.config.cache_store or files.arguments):
        raise click.UsageError("Give past runs with --history, a store with --store, or workflows.")
    if listen is not None and output is not None:
        raise click.UsageError("Give either --listen or -o.")
    result = _optimize(files) if files.arguments else Result(files=())
    code = files.report([file.error for file in result.files])
    reader = Reader(lambda: _read(files.config, max_workflows, result), refresh)
    if reader.metrics.others:
        log.warning("%d workflows are added up as %r: give more with --max-workflows", reader.metrics.others, OTHER)
    from prometheus_client import CollectorRegistry, openmetrics, start_http_server
    from prometheus_client import exposition as older

    registry = CollectorRegistry()
    registry.register(reader)
    if listen is None:
        write_text((openmetrics.exposition if exposition == "openmetrics" else older).generate_latest(registry), output)
        return code
    host, port = listen
    with tidy(), restating(OSError, f"cannot listen on {host}, port {port}", EngineError):
        server, thread = start_http_server(port, host, registry)
        say(f"metrics: http://{f'[{host}]' if ':' in host else host}:{server.server_port}/metrics")
        thread.join()
    return 0


def _read(config: Config, most: int, result: Result) -> Metrics:
    """Return the metrics of past runs and of the store as they are now, and of the optimizers as they were.

    Raises:
        CoulerError: a history or the store cannot be read.
    """
    metrics = Metrics(__version__)
    if config.history:
        metrics.count_runs(past_runs(config, config.history, None, None), most)
    if config.cache_store:
        with existing(config) as cache:
            stats = cache.stats()
        for namespace, usage in stats.usage.items():
            metrics.of("couler_cache_bytes", namespace).set(usage.bytes)
            metrics.of("couler_cache_entries", namespace).set(usage.entries)
        if stats.capacity is not None:
            metrics.of("couler_cache_capacity_bytes").set(stats.capacity)
    names = [text.partition("{")[0] for text in result.optimizers]
    for name, seconds in zip(names, result.seconds, strict=False):
        metrics.of("couler_optimizer_duration_seconds", name).inc(seconds)
    decisions = Counter((one.optimizer, str(bool(one.action)).lower()) for one in result.decisions)
    for name in names:
        for changes in ("true", "false"):
            metrics.of("couler_optimizer_decisions", name, changes).set(decisions[name, changes])
    metrics.of("couler_up").set(1)
    return metrics


def _optimize(files: FileCall) -> Result:
    """Return what the optimizers do to the workflows."""
    with files.session() as session:
        return optimize_inputs(files.files, files.config.pipeline, session)
