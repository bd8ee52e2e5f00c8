"""Files of steps in S3, by processes that share nothing but the store and their environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from couler_plugins.ir import Literal
from servers.s3 import KEY, SECRET, s3_server
from step_runs import command_line, step_named

pytest.importorskip("s3fs")
pytestmark = pytest.mark.slow

TABLE = "id,kind\n" + "".join(f"{number},{'ab'[number % 2]}\n" for number in range(20))


@pytest.fixture
def access() -> Iterator[Mapping[str, str]]:
    import s3fs

    with s3_server() as endpoint:
        files = s3fs.S3FileSystem(key=KEY, secret=SECRET, endpoint_url=endpoint, skip_instance_cache=True)
        files.mkdir("steps")
        files.pipe("steps/in/table.csv", TABLE.encode())
        yield {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
        }


def started(name: str, folder: Path, access: Mapping[str, str], **arguments: Any) -> dict[str, str]:
    """Runs a step in a process of its own, its packages being there already."""
    container, line = command_line(step_named(name).build({**arguments, "packages": []}))
    program = container.command[-1]
    assert isinstance(program, Literal)
    command = [sys.executable, "-c", str(program.value), f"--outputs={folder}", *line[1:]]
    done = subprocess.run(command, env={**os.environ, **access}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {file.name: file.read_text() for file in folder.iterdir()}


def test_what_one_step_keeps_the_next_one_reads(access: Mapping[str, str], tmp_path: Path) -> None:
    store = "s3://steps/files"
    table = started("load-csv", tmp_path / "1", access, url="s3://steps/in/table.csv", store=store)
    assert table["data"].startswith(f"{store}/")
    parts = started("split-train-test", tmp_path / "2", access, data=table["data"], store=store)
    joined = started(
        "join-tables", tmp_path / "3", access, left=parts["train"], right=table["data"], keys=["id"], store=store
    )
    assert joined["rows"] == "16"
    assert started("upload", tmp_path / "4", access, file=joined["data"], to="s3://steps/out/table.csv") == {
        "place": "s3://steps/out/table.csv"
    }
