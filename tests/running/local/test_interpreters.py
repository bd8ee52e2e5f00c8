"""What an interpreter is: another text for all that a step would import from another place, or with another content."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from couler_plugins.hookspecs.local import NotThere
from couler_plugins.running.local import caching
from couler_plugins.running.local.caching import identity_of
from support import first_of

EDITABLE = '{{"url": "file://{folder}/checkout%201", "dir_info": {{"editable": true}}}}'


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("python")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    return {"PATH": f"{folder}/venv/bin:/usr/bin:/bin", "PYTHONPATH": f"{folder}/own"}


@pytest.fixture
def folder(environment: dict[str, str]) -> Path:
    """A virtual environment with one distribution, and a module by PYTHONPATH."""
    folder = Path(environment["PYTHONPATH"]).parent
    texts = {
        "y.py": "text = 1",
        "x-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: x\nVersion: 1\n",
        "x-1.dist-info/RECORD": f"x.py,sha256=abc,1\ny.py,sha256={sha256('text = 1')},8\nx-1.dist-info/RECORD,,\n",
        "x-1.dist-info/direct_url.json": EDITABLE.format(folder=folder),
        "x.pth": "import x\n",
    }
    for name, text in texts.items():
        write(site(folder) / name, text)
    os.utime(site(folder) / "x-1.dist-info/RECORD", (0, 0))  # it is long ago that it was installed
    for name in ("own/own.py", "checkout 1/src/x.py"):
        write(folder / name, "text = 1\n")
    return folder


def site(folder: Path) -> Path:
    (found,) = folder.glob("venv/lib/python3*/site-packages")
    return found


def sha256(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def identity(environment: dict[str, str], command: str = "python3") -> str:
    caching._identity.cache_clear()
    return identity_of(command, environment)


@pytest.mark.parametrize(
    "change",
    first_of(
        [
            lambda folder: write(site(folder) / "y.py", "text = 2"),
            lambda folder: write(site(folder) / "stray.py", "text = 1\n"),
            lambda folder: write(site(folder) / "strays/__init__.py", "text = 1\n"),
            lambda folder: write(site(folder) / "x-1.dist-info/RECORD", "x.py,sha256=def,1\n"),
            lambda folder: write(
                site(folder) / "x-1.dist-info/direct_url.json", '{"url": "git+https://x", "commit": "1"}'
            ),
            lambda folder: write(site(folder) / "x.pth", "import x, os\n"),
            lambda folder: write(site(folder) / "sitecustomize.py", "import os\n"),
            lambda folder: write(folder / "own/own.py", "text = 2\n"),
            lambda folder: write(folder / "checkout 1/src/x.py", "text = 2\n"),
        ],
        3,
    ),
    ids=[
        *("an edited file", "a module of nobody", "a package of nobody"),
        *("RECORD", "direct_url", ".pth", "sitecustomize", "PYTHONPATH", "editable"),
    ],
)
def test_the_same_version_with_other_content_is_another_python(
    folder: Path, environment: dict[str, str], change: Callable[[Path], None]
) -> None:
    before = identity(environment)
    assert identity(environment) == before
    change(folder)
    assert identity(environment) != before


def test_what_running_leaves_is_the_same_python(folder: Path, environment: dict[str, str]) -> None:
    before = identity(environment)
    write(folder / "own/__pycache__/own.cpython-311.pyc", "compiled")
    write(folder / "own/notes.txt", "text")
    assert identity(environment) == before


def test_a_python_that_does_not_say_what_it_is_has_no_identity(tmp_path: Path) -> None:
    for name, text in (("python9", "#!/bin/sh\necho broken >&2; exit 3\n"), ("tool", "#!/bin/sh\n")):
        write(tmp_path / name, text)
        (tmp_path / name).chmod(0o755)
    with pytest.raises(NotThere, match="does not say what is installed: broken"):
        identity({"PATH": f"{tmp_path}"}, "python9")
    with pytest.raises(NotThere, match="there is no 'python8'"):
        identity({"PATH": f"{tmp_path}"}, "python8")
    before = identity({"PATH": f"{tmp_path}"}, "tool")
    write(tmp_path / "tool", "#!/bin/sh\ntrue\n")
    assert identity({"PATH": f"{tmp_path}"}, "tool") != before
