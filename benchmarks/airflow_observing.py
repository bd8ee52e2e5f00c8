"""What observing adds to opening files, and digesting to reading them."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import seconds
from couler_plugins.caching.reads import observe
from couler_plugins.caching.reads.digests import digest_file

__all__ = ["digest_figures", "open_figures"]


def open_figures(home: Path, repeat: int) -> dict[str, Any]:
    """Opening small files with and without an observer, in turn, so that what else the machine does weighs on both."""
    files = small_files(home / "small", 100)
    rounds = 20
    elsewhere = [home / "elsewhere"]

    def read(times: int) -> None:
        for _ in range(times):
            for file in files:
                with open(file) as stream:  # noqa: PTH123  # a Path costs more than the open
                    stream.read()

    def first() -> None:
        with observe(temporary=elsewhere):
            read(1)

    read(1)
    often, once = [], []
    for _ in range(repeat):
        alone = seconds(lambda: read(rounds), 3)
        with observe(temporary=elsewhere) as seen:
            read(1)
            often.append((seconds(lambda: read(rounds), 3) - alone) / rounds / len(files))
        assert seen.reads is not None, seen.reason
        once.append((seconds(first, 1) - alone / rounds) / len(files))
    return {
        "observer_microseconds_per_open": 1e6 * statistics.median(often),
        "observer_microseconds_per_new_file": 1e6 * statistics.median(once),
    }


def small_files(folder: Path, number: int) -> list[str]:
    """Files that were written a while ago, as most that a task reads."""
    folder.mkdir()
    files = [folder / f"{name}.csv" for name in range(number)]
    for file in files:
        file.write_text("a,b\n1,2\n")
    time.sleep(2.1)  # of younger ones, the clock does not tell whether they were changed
    return [str(file) for file in files]


def digest_figures(home: Path, repeat: int) -> dict[str, Any]:
    """Digesting and reading a file, in turn, so that what else the machine does weighs on both."""
    file = home / "large"
    file.write_bytes(os.urandom(64 << 20))
    ratios, speeds = [], []
    for number in range(repeat):
        os.utime(file, (number, number))  # else it would not be digested again
        start = time.perf_counter()
        digested = seconds(lambda: digest_file(str(file), 1 << 30), 1)
        speeds.append(64 / (time.perf_counter() - start))
        ratios.append(digested / seconds(file.read_bytes, 1))
    return {"digest_over_read": statistics.median(ratios), "digest_mebibytes_per_second": statistics.median(speeds)}
