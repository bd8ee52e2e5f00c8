"""A server, and `couler` with the Tekton adapter in a folder with a pipeline that was split."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from adapters.tekton.running.cluster import Cluster, kubeconfig, run_as
from adapters.tekton.split.generating import train
from adapters.tekton.split.runs import split
from couler_plugins.cli.group import couler
from couler_plugins.running import driver


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster that the kubeconfig in the test's folder is for."""
    cluster = Cluster()
    with run_as(cluster) as url:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(url, tmp_path)))
        yield cluster


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody waits between attempts, or between two looks; how often they are made stays as it is."""
    import stamina

    monkeypatch.setattr(driver, "FIRST", 0.001)
    monkeypatch.setattr(driver, "LONGEST", 0.001)
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


@pytest.fixture
def place(server: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the current one, with a kubeconfig for the server and `split.yaml`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "split.yaml").write_text(yaml.safe_dump_all(split(train(), "max-steps=2")))
    monkeypatch.setenv("COULER_LOAD_PLUGINS", "tekton,parallelism")
    return tmp_path


@pytest.fixture
def couler_command(place: Path) -> Callable[..., Result]:
    """Runs `couler` against the server."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(couler, arguments, catch_exceptions=False)

    return run
