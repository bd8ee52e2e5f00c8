"""A server, a runner that talks to it, and `couler` with the Argo adapter in a folder with a split workflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from adapters.argo.evict.apiserver import ApiServer
from adapters.argo.evict.cluster import kubeconfig
from adapters.argo.running.cluster import bundle
from couler_argo.run.runner import ArgoRunner
from couler_plugins.cli.group import couler
from couler_plugins.hookspecs.running import Where
from couler_plugins.running import driver


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer() as started:
        yield started


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody waits between attempts, or between two looks; how often they are made stays as it is."""
    import stamina

    monkeypatch.setattr(driver, "FIRST", 0.001)
    monkeypatch.setattr(driver, "LONGEST", 0.001)
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


@pytest.fixture
def place(server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is the current one, with a kubeconfig for the server and `big.yaml`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "big.yaml").write_text(yaml.safe_dump_all(bundle()))
    monkeypatch.setenv("COULER_LOAD_PLUGINS", "argo")
    with kubeconfig(server, tmp_path) as path:
        monkeypatch.setenv("KUBECONFIG", str(path))
        yield tmp_path


@pytest.fixture
def runner(place: Path) -> ArgoRunner:
    return ArgoRunner(Where())


@pytest.fixture
def couler_command(place: Path) -> Callable[..., Result]:
    """Runs `couler` against the server."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(couler, arguments, catch_exceptions=False)

    return run
