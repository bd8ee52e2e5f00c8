"""`couler rollback`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from couler_plugins.cli.settings import engine_option, inputs_argument, max_bytes_option, with_settings
from couler_plugins.config import Config

__all__ = ["command"]


@click.command(
    "rollback",
    epilog="""\b
Examples:
  couler rollback split/ -o workflow.yaml
  kubectl get configmap -l couler.io/original=train -o yaml | couler rollback
""",
)
@inputs_argument
@engine_option
@click.option("-o", "--output", metavar="PATH", help="Where to write: a file, a folder for several, - for stdout.")
@max_bytes_option
@with_settings
def command(*, config: Config, inputs: tuple[str, ...], engine: str | None, output: str | None) -> None:
    """Gives back the files that were split, as they were, from what splitting has made of them.

    The texts are in documents that `split` adds beside the parts (on Argo: ConfigMaps), unless it was told not to.
    """
    from couler_plugins.cli.outputs import refuse_inputs, replace_file, write_bytes
    from couler_plugins.cli.work import read_inputs, working
    from couler_plugins.errors import InvalidInput
    from couler_plugins.inputs import originals_in

    files = read_inputs(inputs, config)
    with working(config, engine=engine) as session:
        found = originals_in(files, session)
    if not found:
        hint = "give what split has made, its added documents included"
        raise InvalidInput("no document here keeps an original", file=files[0].name if files else None, hint=hint)
    if output in (None, "-"):
        if len(found) > 1:
            raise click.UsageError(f"There are {len(found)} files: give -o FOLDER.")
        write_bytes(next(iter(found.values())))
        return
    places = _places(Path(str(output)), found)
    refuse_inputs(list(places), files)
    for place, text in places.items():
        replace_file(place, text)


def _places(output: Path, found: Mapping[str, str]) -> dict[Path, str]:
    """Where each text goes. A name comes from a document: only its last part is believed."""
    if len(found) == 1 and not output.is_dir():
        return {output: next(iter(found.values()))}
    places = {output / (Path(name).name or "original"): text for name, text in found.items()}
    if len(places) < len(found):
        raise click.UsageError("Two of the files have one name: roll them back one after the other.")
    return places
