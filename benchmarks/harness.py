"""What the benchmarks share: the command line, processes, timing with the collector paused, JSON and a picture."""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Task", "arguments", "finish", "in_parallel", "parser", "report", "seconds", "tell"]


class Task(Protocol):
    """Something to do in a process of its own."""

    @property
    def cost(self) -> float:
        """About how long it takes, beside others."""

    def __call__(self) -> Any:
        """What comes out."""


def parser(description: str, traces: str = "") -> argparse.ArgumentParser:
    """The flags that every benchmark takes, to which one may add its own.

    Args:
        description: what it measures.
        traces: what it can be given to measure on instead of its own; nothing for one that makes all of that itself.
    """
    flags = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--quick", action="store_true", help="fewer repetitions and smaller inputs")
    flags.add_argument(
        "--traces", type=_folder if traces else _none, help=traces or "none: it makes what it measures on"
    )
    flags.add_argument("--seed", type=int, default=0, help="of everything that is drawn at random")
    flags.add_argument("--json", type=Path, required=True, help="where to write the figures")
    flags.add_argument("--plot", type=Path, help="where to draw them")
    return flags


def _folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {text!r}")
    return Path(text)


def _none(text: str) -> Path:
    raise argparse.ArgumentTypeError(f"this benchmark makes all that it measures on, and looks at no {text!r}")


def arguments(description: str, traces: str = "") -> argparse.Namespace:
    """The values of those flags."""
    return parser(description, traces).parse_args()


def seconds(work: Callable[[], Any], repeat: int) -> float:
    """The least CPU seconds that `work` took, the collector paused while it ran."""
    best = float("inf")
    for _ in range(repeat):
        gc.collect()
        gc.disable()
        start = time.process_time()
        try:
            work()
        finally:
            best = min(best, time.process_time() - start)
            gc.enable()
    return best


def tell(message: str) -> None:
    """Says on stderr what goes on."""
    print(message, file=sys.stderr, flush=True)


def in_parallel(groups: Mapping[str, Sequence[Task]], processes: int | None = None) -> dict[str, list[Any]]:
    """What tasks give, by group and in order, the longest being started first; how far it is goes to stderr.

    The first that fails is raised when it fails, and what has not been started by then never is. There are as many
    processes as cores, unless another number is given.
    """
    tasks = sorted((task for some in groups.values() for task in some), key=lambda task: -task.cost)
    total, done, told, start = sum(task.cost for task in tasks), 0.0, 0, time.monotonic()
    with ProcessPoolExecutor(processes or os.cpu_count(), get_context("spawn")) as pool:
        costs = {pool.submit(task): task.cost for task in tasks}
        results = {id(task): future for task, future in zip(tasks, costs, strict=True)}
        try:
            for future in as_completed(costs):
                future.result()
                done += costs[future]
                if 100 * done / total >= told:
                    tell(f"{100 * done / total:.0f} % done after {time.monotonic() - start:.0f} s")
                    told += 2
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return {name: [results[id(task)].result() for task in some] for name, some in groups.items()}


def finish(
    options: argparse.Namespace, figures: dict[str, Any], bars: dict[str, float], limits: dict[str, float]
) -> None:
    """Writes and prints the figures, and draws them as bars (SVG) where a picture was asked for.

    Args:
        options: from `arguments`.
        figures: every figure by its name.
        bars: those to draw.
        limits: the limit that each of these is held against.
    """
    if options.plot:
        options.plot.write_text(_picture(bars, limits))
    report(options, figures)


def report(options: argparse.Namespace, figures: dict[str, Any]) -> None:
    """Writes the figures and prints them."""
    text = json.dumps(figures, indent=2, sort_keys=True)
    options.json.write_text(text + "\n")
    print(text)


def _picture(bars: dict[str, float], limits: dict[str, float]) -> str:
    """Horizontal bars, each as a share of its limit, which is marked."""
    rows = []
    for row, (name, value) in enumerate(bars.items()):
        y, share = 30 + row * 44, value / limits[name]
        color = "#2f855a" if share <= 1 else "#c53030"
        rows.append(
            f'<text x="10" y="{y}">{name}: {value:.3g} (limit {limits[name]:g})</text>'
            f'<rect x="10" y="{y + 6}" width="{min(share, 1.4) * 400:.0f}" height="14" fill="{color}"/>'
            f'<line x1="410" x2="410" y1="{y + 2}" y2="{y + 24}" stroke="#1a202c" stroke-width="2"/>'
        )
    height = 40 + 44 * len(bars)
    style = "font-family: sans-serif; font-size: 13px"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="600" height="{height}" style="{style}">{"".join(rows)}</svg>\n'
    )
