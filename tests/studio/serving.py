"""A studio on files of a test, asked by a client that is no browser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from couler_plugins.driver.session import read_workflows, session
from couler_plugins.options.config import load_config
from couler_plugins.plugins import Plugins, load_plugins
from couler_plugins.studio.app import make_app
from couler_plugins.studio.studio import Studio

__all__ = ["DAG", "TOKEN", "Client", "open_studio"]

TOKEN = "secret-of-this-start"
HOST = "127.0.0.1:8899"
DAG = """\
# Owned by the data team.
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName: nightly-
spec:
  entrypoint: main
  templates:
    - name: main
      dag:
        tasks:
          - name: load   # the table of yesterday
            template: load
          - name: train
            dependencies: [load]
            template: train
          - {name: check, dependencies: [load], template: check}
    - name: load
      container:
        image: "alpine:3.20"
        command: [sh, -c, "echo load"]
    - name: train
      container:
        image: alpine:3.20
        command: [sh, -c, "echo train"]
    - name: check
      container:
        image: alpine:3.20
        command: [sh, -c, "echo train"]
"""


class Client:
    """Asks a studio."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.http = TestClient(make_app(studio, TOKEN, [HOST]), base_url=f"http://{HOST}")
        self.headers = {"Authorization": f"Bearer {TOKEN}"}

    def ask(self, place: str, /, status: int = 200, **message: Any) -> Any:
        """Send a message, and return the answer, which has to have this status."""
        if message:
            response = self.http.post(f"/api/{place}", json=message, headers=self.headers)
        else:
            response = self.http.get(f"/api/{place}", headers=self.headers)
        assert response.status_code == status, response.text
        return response.json()


def open_studio(*places: Path, plugins: Plugins | None = None, history: Sequence[Path] = (), **options: Any) -> Client:
    """Open a studio on files or folders, as the command does."""
    config = load_config({"history": tuple(map(str, history)) or None}, environ={})
    work = session(config, plugins or load_plugins(config))
    inputs, _ = read_workflows([str(place) for place in places], config, work)
    return Client(Studio(inputs, config, work, **options))
