"""Debian's Prometheus on loopback: its programs, unpacked and not installed, and a server over samples of ours."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from servers.processes import free_port, until, when_stopped
from support import ROOT

__all__ = ["Line", "backfilled", "programs", "running", "scraping"]

KEPT = (ROOT / ".tools").resolve() / "prometheus"
RETENTION = "100y"
"""Samples of tests have times that stay the same."""


class Line(NamedTuple):
    """A time series: its name, its labels, and its samples as times and values."""

    name: str
    labels: Mapping[str, str]
    samples: Iterable[tuple[float, float | str]]


def programs() -> Path:
    """Return the folder of `prometheus` and `promtool`: those installed, or those of Debian's package.

    The package is unpacked and not installed: that would start a service.

    Raises:
        RuntimeError: there are none.
    """
    if (program := shutil.which("prometheus")) and shutil.which("promtool"):
        return Path(program).parent
    folder = KEPT / "usr" / "bin"
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise RuntimeError("there is no prometheus, and no apt-get to get it with")
    KEPT.parent.mkdir(exist_ok=True)
    with KEPT.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=KEPT.parent) as there:
                _run(there, "apt-get", "download", "-qq", "prometheus")
                (package,) = Path(there).glob("prometheus_*.deb")
                _run(there, "dpkg-deb", "--extract", str(package), "unpacked")
                Path(there, "unpacked").rename(KEPT)
    return folder


def _run(folder: str, *command: str) -> None:
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    if ran.returncode:
        raise RuntimeError(f"{' '.join(command)}: {ran.stderr.strip()[-300:]}")


@contextlib.contextmanager
def backfilled(folder: Path, lines: Iterable[Line], *options: str) -> Iterator[str]:
    """A server whose data is these series and nothing else, as its URL; it scrapes nobody."""
    text = folder / "samples.txt"
    text.write_text("".join(_families(lines)) + "# EOF\n")
    command = [str(programs() / "promtool"), "tsdb", "create-blocks-from", "openmetrics", str(text), f"{folder}/data"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    with _serving(folder, "{}\n", *options) as url:
        yield url


@contextlib.contextmanager
def scraping(folder: Path, address: str, seconds: int) -> Iterator[str]:
    """A server that scrapes one address every few seconds, as its URL."""
    jobs = f"scrape_configs: [{{job_name: couler, static_configs: [{{targets: ['{address}']}}]}}]\n"
    with _serving(folder, f"global: {{scrape_interval: {seconds}s, scrape_timeout: {seconds}s}}\n{jobs}") as url:
        yield url


@contextlib.contextmanager
def _serving(folder: Path, settings: str, *options: str) -> Iterator[str]:
    (folder / "prometheus.yml").write_text(settings)
    port = free_port()
    with when_stopped(subprocess.Popen(running(folder, f"127.0.0.1:{port}", *options))) as process:
        url = f"http://127.0.0.1:{port}"
        until(lambda: process.poll() is not None or _is_ready(url), 30, "the start of Prometheus")
        assert process.poll() is None, "Prometheus has ended"
        yield url


def running(folder: Path, address: str, *options: str) -> list[str]:
    """The command of a server whose settings and data are in a folder."""
    return [
        str(programs() / "prometheus"),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--storage.tsdb.retention.time={RETENTION}",
        f"--web.listen-address={address}",
        f"--web.console.templates={folder}",
        f"--web.console.libraries={folder}",
        "--log.level=error",
        *options,
    ]


def _families(lines: Iterable[Line]) -> Iterator[str]:
    by_name: dict[str, list[Line]] = {}
    for line in lines:
        by_name.setdefault(line.name, []).append(line)
    for name, several in by_name.items():
        yield f"# TYPE {name} unknown\n"
        for line in several:
            labels = ",".join(f'{label}="{value}"' for label, value in line.labels.items())
            yield from (f"{name}{{{labels}}} {value} {at:.3f}\n" for at, value in line.samples)


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready"):
            return True
    except OSError:
        return False
