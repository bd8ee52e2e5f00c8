"""Runs the steps of a chain one after another. A step that fails ends it, with the step's own exit code.

It is called with a file, the plan as JSON. Texts of it that Argo fills something into are in variables.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

FAILED = 64
"""What Argo's own executor ends with where an output is not there."""
PIECE = 65536
DOLLARS = "\x24" * 2
"""Kubernetes makes one of them, in what it passes."""


def say(message: str) -> None:
    """Writes a line to the log."""
    sys.stderr.write("couler: " + message + "\n")
    sys.stderr.flush()


def read(path: Path) -> str:
    """What is in a file, without the newline at its end."""
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    return text[:-1] if text.endswith("\n") else text  # noqa: FURB188  # not every Python here can remove suffixes


def write(path: Path, text: str) -> None:
    """Writes a file, and the folders that it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))


def run(command: list[str], variables: dict[str, str], kept: str, target: int) -> int:
    """Runs a command; what it prints goes to a file, too, if one is named. Its exit code."""
    environment = dict(os.environ, **variables)
    if not kept:
        return subprocess.Popen(command, stdout=target, env=environment).wait()  # noqa: S603  # the step's own
    write(Path(kept), "")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)  # noqa: S603  # the step's own
    assert process.stdout is not None
    with Path(kept).open("wb") as file:
        while True:
            piece = os.read(process.stdout.fileno(), PIECE)
            if not piece:
                return process.wait()
            file.write(piece)
            os.write(target, piece)


def keep(path: Path, folder: Path, fallback: str | None, required: bool) -> bool:
    """Moves an output away, so that no other step finds it there; whether all is there that has to be."""
    if path.is_symlink() and path.exists():  # its target may be named from where it is
        place(path, folder / path.name)
        path.unlink()
    elif path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.move(str(path), str(folder / path.name))
    elif fallback is not None:
        write(folder / path.name, fallback)
    else:
        return not required
    return True


def remove(path: Path) -> None:
    """Removes what is at a path, if anything is."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(str(path))
    elif path.exists() or path.is_symlink():
        path.unlink()


def place(source: Path, path: Path) -> None:
    """Copies an artifact to where the next step reads it."""
    remove(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(str(source), str(path), symlinks=True)
    else:
        shutil.copy2(str(source), str(path))


def main(script: str) -> int:
    """Runs the steps of the plan in a file; the exit code of the last of them that was run."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
    plan = json.loads(Path(script).read_bytes().decode("utf-8", "surrogateescape"))
    names = [name for name in os.environb if name.startswith(b"couler_text_")]
    texts = {name.decode(): os.environb.pop(name).decode("utf-8", "surrogateescape") for name in names}
    beside = Path(script).parent
    for number, step in enumerate(plan, 1):
        if stopped:
            return 128 + stopped[0]
        say("step " + step["name"])

        def filled(text: dict[str, str], marks: dict[str, str] = step["marks"]) -> str:
            whole = texts[text["variable"]] if "variable" in text else text["text"]
            for mark, path in marks.items():
                if mark in whole:
                    whole = whole.replace(mark, read(beside / path).replace(DOLLARS, DOLLARS[:1]))
            return whole

        words = [filled(word) for word in step["command"]]
        pairs = [word.partition("=") for word in words[: step["variables"]]]
        del words[: step["variables"]]
        if step["script"] is not None:
            own = Path(script + "." + str(number))
            write(own, filled(step["script"]))
            own.chmod(0o755)
            words.append(str(own))
        for source, path in step["place"]:
            place(beside / source, Path(path))
        printed = str(beside / step["printed"]) if step["printed"] else ""
        try:
            code = run(words, {name: text for name, _, text in pairs}, printed, 2 if step["quiet"] else 1)
        except OSError as error:  # as a shell has it
            say("step " + step["name"] + " cannot run: " + str(error))
            code = 127
        if code:
            return code if code > 0 else 128 - code
        for path, folder, fallback, required in step["keep"]:
            if not keep(Path(path), beside / folder, fallback, required):
                say("step " + step["name"] + " has left nothing at " + path)
                return FAILED
        for path in step["remove"]:
            remove(Path(path))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
