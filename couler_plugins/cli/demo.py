"""`couler demo`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import NamedTuple

import click

__all__ = ["command"]


class Demo(NamedTuple):
    """What is shown.

    Attributes:
        file: what it works on.
        about: what that is, said first.
        commands: titles and commands of `couler`, one after the other; one that begins with `python` is Python's.
        end: what to do next.
    """

    file: str
    about: str
    commands: tuple[tuple[str, str], ...]
    end: str


DEMOS = {
    "churn": Demo(
        "churn.yaml",
        "A nightly churn model, in {folder}/churn.yaml. Its owners have declared some of its steps pure.",
        (
            ("What would change, and why?", "explain -p dedupe,cache {folder}/churn.yaml"),
            ("The same as a diff.", "diff -p dedupe,cache {folder}/churn.yaml"),
            ("Write it.", "optimize -p dedupe,cache {folder}/churn.yaml -o {folder}/optimized.yaml"),
            ("Would the engine take it?", "lint {folder}/optimized.yaml"),
            ("A page to look at.", "graph --format html -p dedupe,cache {folder}/churn.yaml -o {folder}/page.html"),
        ),
        "Open {folder}/page.html in a browser.",
    ),
    "authoring": Demo(
        "authoring.py",
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
    """Shows the main jobs on workflows that come with couler, step by step, with the commands that you would type.

    churn (the default) is a model that is trained every night on Argo Workflows, and gets cheaper. authoring is a
    workflow in Python that is written for four engines. Nothing is sent anywhere, and no cluster is needed.
    """
    demo, folder = DEMOS[name], Path(output)
    _put(folder, demo.file)
    click.echo(demo.about.format(folder=folder))
    for title, line in demo.commands:
        words = [part.format(folder=folder) for part in line.split()]
        shown = words if words[0] == "python" else ["couler", *words]
        click.echo(f"\n# {title}\n$ {shlex.join(shown)}")
        if code := _run(words):
            ctx.exit(code)
    click.echo(f"\n{demo.end.format(folder=folder)}")


def _put(folder: Path, name: str) -> None:
    """Puts the workflow into the folder.

    Raises:
        InvalidInput: something else is there.
        EngineError: it cannot be written.
    """
    from couler_plugins.demo import workflow
    from couler_plugins.errors import EngineError, InvalidInput

    place = folder / name
    try:
        if place.exists() and place.read_bytes() != workflow(name).encode():
            raise InvalidInput("there is another file of this name", file=str(place), hint="choose a folder with -o")
        folder.mkdir(parents=True, exist_ok=True)
        place.write_text(workflow(name), encoding="utf-8")
    except OSError as error:
        reason = f"cannot write to {folder}: {error.strerror or error}"
        raise EngineError(reason, hint="choose another folder") from error


def _run(words: list[str]) -> int:
    import subprocess
    import sys

    from couler_plugins.cli.group import couler

    if words[0] == "python":
        return subprocess.run([sys.executable, *words[1:]], check=False).returncode  # noqa: S603  # a file of our own
    return couler.main(words, standalone_mode=False) or 0
