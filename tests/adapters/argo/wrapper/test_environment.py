"""The launcher's command has the environment that it would have without the launcher."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from adapters.argo.wrapper.launching import BUSYBOX

ENVIRONMENTS = {
    "nothing": {},
    "names that the launcher uses": {"limit": "x", "name": "y", "child": "z", "code": "1", "byte": "v", "box": "b"},
    "names that no shell takes": {"a.b": "1", "-x": "2", "with-dash": "3"},
    "what a shell sets": {"SHLVL": "7", "PWD": "/nowhere", "OLDPWD": "/else", "IFS": "x", "OPTIND": "9", "PS1": "$"},
    "odd values": {"A": "two\nlines\n", "B": "", "C": "a=b", "D": "$(false) `false` \\ \"' *", "E": "ü\t "},
    "bytes that stand for others": {"A": "\x01\n\x03", "B": "\x02", "C": "\n\x01\n"},
    "a path": {"PATH": "/usr/local/bin:/usr/bin:/bin"},
}
TRIED = None if BUSYBOX else 1
"""Where there is no busybox, one test of each kind says so."""


@pytest.mark.parametrize("shared", ["busybox"], indirect=True)  # a script that stands for one is a shell itself
@pytest.mark.parametrize("given", list(ENVIRONMENTS.values())[:TRIED], ids=list(ENVIRONMENTS)[:TRIED])
def test_the_environment_is_the_commands_own(given: dict[str, str], shared: Path) -> None:
    code = "import sys; sys.stdout.buffer.write(open('/proc/self/environ', 'rb').read())"
    launcher = [str(shared / "busybox"), "sh", str(shared / "launch"), "5", "a=/nowhere", "--"]
    done = subprocess.run([*launcher, sys.executable, "-c", code], env=given, stdout=subprocess.PIPE, check=True)
    found = sorted(filter(None, done.stdout.split(b"\0")))
    assert found == sorted(f"{name}={text}".encode() for name, text in given.items())


@pytest.mark.parametrize("shared", ["busybox"], indirect=True)
@pytest.mark.parametrize(("count", "size"), [(12_000, 100), (12, 110_000)][:TRIED])
def test_a_large_environment_is_no_harm(count: int, size: int, shared: Path) -> None:
    """Where a namespace has many services, each of its containers has many variables."""
    given = {f"SERVICE_{number}": "x" * size for number in range(count)}
    launcher = [str(shared / "busybox"), "sh", str(shared / "launch"), "5", "a=/nowhere", "--"]
    code = "import sys; sys.exit(open('/proc/self/environ').read().count(chr(0)) % 100)"
    started = time.monotonic()
    done = subprocess.run([*launcher, sys.executable, "-c", code], env=given, check=False)
    assert done.returncode == count % 100
    assert time.monotonic() - started < 20
