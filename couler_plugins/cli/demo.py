"""`couler demo`."""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import click

from couler_plugins.cli.group import couler
from couler_plugins.demo import workflow
from couler_plugins.errors import EngineError, InvalidInput, restating

RECORD = ".couler-demo.json"
"""The file that holds the digests of what the demo has written into a folder."""


class Demo(NamedTuple):
    """What is shown.

    Attributes:
        files: what it writes; the first is what it works on.
        about: what that is, said first.
        commands: titles and commands of `couler`, one after the other; one that begins with `python` is Python's.
        end: what to do next.
    """

    files: tuple[str, ...]
    about: str
    commands: tuple[tuple[str, str], ...]
    end: str


DEMOS = {
    "churn": Demo(
        ("churn.yaml", "optimized.yaml", "page.html"),
        "A nightly churn model, in {folder}/churn.yaml. Its owners have declared some of its steps pure.\n"
        "Their Argo may write ConfigMaps, so it can memoize: `couler doctor` says whether yours may.",
        (
            ("What would change, and why?", "explain -p dedupe,cache{{via=memoize}} {folder}/churn.yaml"),
            ("The same as a diff.", "diff -p dedupe,cache{{via=memoize}} {folder}/churn.yaml"),
            ("Write it.", "optimize -p dedupe,cache{{via=memoize}} {folder}/churn.yaml -o {folder}/optimized.yaml"),
            ("Would the engine take it?", "lint {folder}/optimized.yaml"),
            (
                "A page to look at.",
                "graph --format html -p dedupe,cache{{via=memoize}} {folder}/churn.yaml -o {folder}/page.html",
            ),
        ),
        "Open {folder}/page.html in a browser.",
    ),
    "authoring": Demo(
        ("authoring.py", "churn.json", "argo.yaml", "airflow.py", "kfp.yaml", "tekton.yaml"),
        "A workflow in Python, in {folder}/authoring.py. It is written for no engine in particular.",
        (
            ("Write it down as what all engines are given.", "python {folder}/authoring.py"),
            ("Look at it.", "graph {folder}/churn.json"),
            ("For Argo Workflows.", "convert --to argo {folder}/churn.json -o {folder}/argo.yaml"),
            ("For Airflow.", "convert --to airflow {folder}/churn.json -o {folder}/airflow.py"),
            ("For Kubeflow Pipelines.", "convert --to kfp {folder}/churn.json -o {folder}/kfp.yaml"),
            ("For Tekton.", "convert --to tekton {folder}/churn.json -o {folder}/tekton.yaml"),
            ("Would they take it?", "lint {folder}/argo.yaml {folder}/kfp.yaml {folder}/tekton.yaml"),
            ("Run it here, without a cluster.", "run --local --quiet {folder}/argo.yaml --folder {folder}/run"),
        ),
        "What each step has given is in {folder}/run/*/churn/steps/*/made. Change {folder}/authoring.py, and go on.",
    ),
}


@click.command(
    "demo",
    epilog="""\b
Examples:
  couler demo
  couler demo authoring
  couler demo -o /tmp/churn
""",
)
@click.argument("name", type=click.Choice(list(DEMOS)), default="churn", metavar="[churn|authoring]")
@click.option("-o", "--output", default="couler-demo", show_default=True, metavar="DIR", help="Where to put the files.")
@click.pass_context
def command(ctx: click.Context, *, name: str, output: str) -> None:
    """Shows the main features on example workflows.

    Runs the commands that you would type, step by step. churn (the default) optimizes a nightly training on Argo
    Workflows. authoring writes a Python workflow for four engines. The demo needs no cluster and sends nothing. It
    overwrites only files of an earlier demo.
    """
    demo, folder = DEMOS[name], Path(output)
    click.echo(f"writes to {folder.resolve()}: {', '.join(demo.files)}", err=True)
    start = workflow(demo.files[0])
    _check(folder, demo.files, start)
    _write(folder, demo.files, start)
    click.echo(demo.about.format(folder=folder))
    for title, line in demo.commands:
        words = [part.format(folder=folder) for part in line.split()]
        shown = words if words[0] == "python" else ["couler", *words]
        click.echo(f"\n# {title}\n$ {shlex.join(shown)}")
        code = _run(words)
        with suppress(OSError):  # what is not written down is refused the next time
            _record(folder, demo.files)
        if code:
            ctx.exit(code)
    click.echo(f"\n{demo.end.format(folder=folder)}")


def _check(folder: Path, files: tuple[str, ...], start: str) -> None:
    """Sees to it that nothing is overwritten but what an earlier demo wrote, and nobody has changed since.

    Raises:
        InvalidInput: something else is there.
    """
    own = _recorded(folder)
    for name in files:
        place = folder / name
        if not (place.exists() or place.is_symlink()):
            continue
        written = _digest(place)
        if written is None or written not in (own.get(name), _digest_of(start.encode()) if name == files[0] else None):
            hint = "choose a folder with -o, or move the file away"
            raise InvalidInput("the demo would overwrite this file, and did not write it", file=str(place), hint=hint)


def _write(folder: Path, files: tuple[str, ...], start: str) -> None:
    """Writes what the demo works on.

    Raises:
        EngineError: it cannot be written.
    """
    with restating(OSError, f"cannot write to {folder}", EngineError, hint="choose another folder"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / files[0]).write_text(start, encoding="utf-8")
        _record(folder, files[:1])


def _record(folder: Path, files: tuple[str, ...]) -> None:
    """Writes down what the demo has written."""
    written = {name: digest for name in files if (digest := _digest(folder / name)) is not None}
    (folder / RECORD).write_text(json.dumps(_recorded(folder) | written, indent=1), encoding="utf-8")


def _recorded(folder: Path) -> dict[str, str]:
    """The digests of what earlier demos have written, by name."""
    try:
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _digest(place: Path) -> str | None:
    """The digest of a file; None where there is none, or something else."""
    return _digest_of(place.read_bytes()) if place.is_file() and not place.is_symlink() else None


def _digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _run(words: list[str]) -> int:

    if words[0] == "python":
        return subprocess.run([sys.executable, *words[1:]], check=False).returncode  # noqa: S603  # a file of our own
    return couler.main(words, standalone_mode=False) or 0
