"""A dashboard of Grafana that shows the metrics: rows of panels and their queries, as the JSON that Grafana imports."""

from __future__ import annotations

from typing import Any, NamedTuple

SOURCE = {"type": "prometheus", "uid": "${source}"}
RUNS = 'workflow=~"$workflow"'
WIDTH = 24
"""Columns of a dashboard."""
SMALL, LARGE = (6, 4), (12, 8)
"""The columns and rows of a figure, and of a graph."""


class Panel(NamedTuple):
    """A panel: its title, the unit of its figures, and its queries with their legends.

    Attributes:
        title: the title.
        unit: the unit, in Grafana's word.
        queries: the queries, each with its legend.
        is_figure: whether only the last values are shown, as figures.
    """

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    is_figure: bool = False

    def data(self, number: int, column: int, row: int) -> dict[str, Any]:
        """Return the panel as data, at a place."""
        columns, rows = SMALL if self.is_figure else LARGE
        return {
            "id": number,
            "title": self.title,
            "type": "stat" if self.is_figure else "timeseries",
            "datasource": SOURCE,
            "gridPos": {"x": column, "y": row, "w": columns, "h": rows},
            "fieldConfig": {"defaults": {"unit": self.unit, "min": 0}, "overrides": []},
            "targets": [
                {
                    "refId": chr(ord("A") + place),
                    "datasource": SOURCE,
                    "expr": query,
                    "legendFormat": legend,
                    "instant": self.is_figure,
                    "range": not self.is_figure,
                }
                for place, (query, legend) in enumerate(self.queries)
            ],
        }


def _grown(name: str, by: str = "", labels: str = RUNS, window: str = "$window") -> str:
    """Return the query of how much a counter has grown, by a label or in all."""
    return f"sum{f' by ({by}) ' if by else ''}(increase({name}{{{labels}}}[{window}]))"


def _largest(name: str, labels: str = RUNS) -> str:
    """Return the query of the ten workflows in which a counter has grown most."""
    return f"topk(10, {_grown(name, 'workflow', labels)})"


def _quantiles(name: str) -> tuple[tuple[str, str], ...]:
    """Return the queries of what half of the times, and 95 % of them, are below."""
    buckets = _grown(f"{name}_bucket", "le")
    return tuple((f"histogram_quantile({share}, {buckets})", legend) for share, legend in SHARES)


SHARES = ((0.5, "median"), (0.95, "95 %"))
HITS = _grown("couler_cache_hits_total", window="$__range")
MISSES = _grown("couler_cache_misses_total", window="$__range")
LAST = f'time() - max by (workflow) (couler_workflow_last_run_timestamp_seconds{{status="succeeded", {RUNS}}})'
PANELS = (
    Panel(
        "Runs",
        "none",
        ((_grown("couler_workflow_runs_total", "status", window="$__range"), "{{status}}"),),
        is_figure=True,
    ),
    Panel("Time saved", "s", ((_grown("couler_saved_seconds_total", window="$__range"), "saved"),), is_figure=True),
    Panel("Hit rate of caches", "percentunit", ((f"{HITS} / ({HITS} + {MISSES})", "hits"),), is_figure=True),
    Panel("History and store can be read", "bool_yes_no", (("min(couler_up)", "yes"),), is_figure=True),
    Panel(
        "Runs by status",
        "none",
        (
            (_grown("couler_workflow_runs_total", "status"), "{{status}}"),
            (f"sum(couler_workflow_runs_running{{{RUNS}}})", "running"),
        ),
    ),
    Panel(
        "Failed runs by workflow",
        "none",
        ((_largest("couler_workflow_runs_total", f'status="failed", {RUNS}'), "{{workflow}}"),),
    ),
    Panel("Duration of runs that succeeded", "s", _quantiles("couler_run_duration_seconds")),
    Panel("Latency of the engine: wait of a step for its start", "s", _quantiles("couler_step_wait_seconds")),
    Panel("Duration of steps", "s", _quantiles("couler_step_duration_seconds")),
    Panel(
        "Steps by fate, and retries",
        "none",
        (
            (_grown("couler_step_runs_total", "fate"), "{{fate}}"),
            (_grown("couler_step_retries_total"), "retries"),
        ),
    ),
    Panel(
        "Look-ups in caches",
        "none",
        tuple((_grown(f"couler_cache_{answer}_total"), answer) for answer in ("hits", "misses", "unknown")),
    ),
    Panel("Time saved by workflow", "s", ((_largest("couler_saved_seconds_total"), "{{workflow}}"),)),
    Panel("Bytes reused", "decbytes", ((_largest("couler_cache_reused_bytes_total"), "{{workflow}}"),)),
    Panel(
        "Size of the store",
        "decbytes",
        (("couler_cache_bytes", "{{namespace}}"), ("couler_cache_capacity_bytes", "capacity")),
    ),
    Panel("Time since the last run that succeeded", "s", ((LAST, "{{workflow}}"),)),
    Panel("Latency of optimizers", "s", (("couler_optimizer_duration_seconds", "{{optimizer}}"),)),
    Panel(
        "Decisions of optimizers",
        "none",
        (("couler_optimizer_decisions", "{{optimizer}}, changes something: {{changes}}"),),
    ),
)


def dashboard() -> dict[str, Any]:
    """Return the dashboard as data."""
    panels: list[dict[str, Any]] = []
    column = row = 0
    for number, panel in enumerate(PANELS, 1):
        panels.append(panel.data(number, column, row))
        columns, rows = SMALL if panel.is_figure else LARGE
        column = (column + columns) % WIDTH
        row += 0 if column else rows
    return {
        "title": "Workflows: couler",
        "uid": "couler",
        "tags": ["couler"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-7d", "to": "now"},
        "templating": {
            "list": [
                {"type": "datasource", "name": "source", "label": "Prometheus", "query": "prometheus"},
                {
                    "type": "query",
                    "name": "workflow",
                    "datasource": SOURCE,
                    "query": "label_values(couler_workflow_runs_total, workflow)",
                    "refresh": 2,
                    "multi": True,
                    "includeAll": True,
                    "allValue": ".*",
                    "current": {"text": ["All"], "value": ["$__all"]},
                },
                {
                    "type": "interval",
                    "name": "window",
                    "label": "Per",
                    "query": "10m,1h,6h,1d,7d",
                    "current": {"text": "1h", "value": "1h"},
                },
            ]
        },
        "panels": panels,
    }
