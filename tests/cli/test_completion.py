"""A real bash completes commands once the line of docs/editors.md is in it."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import ROOT

PROMPT = "ready> "


def read_until(terminal: int, wanted: str) -> str:
    text = ""
    while wanted not in text:
        text += os.read(terminal, 4096).decode()
    return text


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_a_command(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "editors.md").read_text("utf-8")
    (line,) = re.findall(r"^\| bash \| `[^`]*` \| `([^`]*)` \|$", page, re.MULTILINE)
    program = tmp_path / "couler"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "from couler_plugins.cli import main; main()" "$@"\n')
    program.chmod(0o755)
    paths = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    terminal, inner = pty.openpty()
    shell = subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"],
        stdin=inner,
        stdout=inner,
        stderr=inner,
        env={**os.environ, "PATH": paths, "PS1": PROMPT, "TERM": "dumb"},
        start_new_session=True,
    )
    os.close(inner)
    try:
        read_until(terminal, PROMPT)
        os.write(terminal, f"{line}\n".encode())
        read_until(terminal, f"\n{PROMPT}")
        os.write(terminal, b"couler opt\t")
        assert read_until(terminal, "optimize ").endswith("couler optimize ")
    finally:
        shell.kill()
        shell.wait()
        os.close(terminal)
