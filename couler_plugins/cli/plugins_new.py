"""`couler plugins new`."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path

import click

from couler_plugins.errors import InvalidInput, restating
from couler_plugins.plugins import ADAPTERS, OPTIMIZERS, load_plugins

TEMPLATES = Path(__file__).parents[1] / "plugins" / "templates"


@click.command(
    "new",
    epilog="""\b
Examples:
  couler plugins new optimizer step-timeout
  couler plugins new adapter my-engine -o packages/my-engine
""",
)
@click.argument("kind", type=click.Choice(["optimizer", "adapter"]))
@click.argument("name")
@click.option("-o", "--output", metavar="FOLDER", help="The folder of the package (default: couler-NAME).")
def command(*, kind: str, name: str, output: str | None) -> None:
    """Makes a package with an optimizer or an adapter of your own.

    The package has tests, which pass. NAME is what pipelines call the optimizer, or what the engine is called. Needs
    copier, which asks on a terminal for what else the package needs.
    """
    with restating(ImportError, "copier is not installed", reason=False, extra="templates"):
        import copier
    plugins = load_plugins()
    names = {record.name for record in plugins.records}.union(plugins.all(OPTIMIZERS), plugins.all(ADAPTERS))
    module = f"couler_{name.replace('-', '_')}"
    if name in names or iskeyword(name.capitalize()) or (module.isidentifier() and find_spec(module)):
        raise InvalidInput(f"the name {name!r:.80} is taken", hint="choose another: `couler plugins --all` lists them")
    folder = Path(output or f"couler-{name}")
    if folder.exists():
        raise InvalidInput(f"{folder} exists already", hint="name another folder: -o FOLDER")
    with restating(ValueError, f"there is no package for {name!r:.80}", hint="write NAME as in step-timeout"):
        copier.run_copy(str(TEMPLATES / kind), folder, {"name": name}, defaults=not sys.stdin.isatty())
