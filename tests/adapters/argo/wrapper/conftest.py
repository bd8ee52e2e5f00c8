"""The folder that the containers of a wrapped step share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from adapters.argo.wrapper.launching import BUSYBOX, LAUNCHER

PROGRAMS = ["programs of the system", "busybox"] if BUSYBOX else ["programs of the system"]
"""Where there is no busybox, one test says so, and not each."""


@pytest.fixture(params=PROGRAMS)
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The shared folder, with somebody who has kept whatever is to be kept."""
    folder = tmp_path / "couler folder"
    folder.mkdir()
    busybox = folder / "busybox"
    if request.param == "busybox":
        if BUSYBOX is None:
            pytest.skip("there is no busybox, and COULER_BUSYBOX names none")
        shutil.copyfile(BUSYBOX, busybox)
    else:
        busybox.write_text('#!/bin/sh\n[ "$1" != sh ] || exec "/bin/$@"\nexec "$@"\n')
    busybox.chmod(0o755)
    (folder / "launch").write_bytes(LAUNCHER.read_bytes())
    (folder / "ready").touch()
    (folder / "saved").touch()
    return folder
