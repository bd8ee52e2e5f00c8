"""`couler rollback`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePath

import click

from couler_plugins.cli.messages import write_bytes
from couler_plugins.cli.outputs import inside, refuse_inputs
from couler_plugins.cli.settings import engine_option, output_option
from couler_plugins.cli.work import FileCall, file_command
from couler_plugins.driver.session import originals_in
from couler_plugins.errors import InvalidInput
from couler_plugins.inputs.files import replace_file


@file_command(
    "rollback",
    engine_option,
    output_option,
    searches=False,
    epilog="""\b
Examples:
  couler rollback split/ -o workflow.yaml
  couler rollback fused/ -o restored/
  kubectl get configmap -l couler.io/original=train -o yaml | couler rollback
""",
)
def command(call: FileCall, *, output: str | None) -> None:
    """Restores the original files of workflows that were split or fused.

    `split` and `fuse` store the original files in ConfigMaps, beside what they write. Give these documents as input.
    """
    with call.session() as session:
        originals = originals_in(call.files, session)
    if not originals:
        hint = "give all files that split or fuse wrote, with added.yaml"
        raise InvalidInput(
            "no document here holds an original file", file=call.files[0].name if call.files else None, hint=hint
        )
    if output in (None, "-"):
        if len(originals) > 1:
            raise click.UsageError(f"There are {len(originals)} files: give -o FOLDER.")
        write_bytes(next(iter(originals.values())))
        return
    places = _places(str(output), originals)
    refuse_inputs(list(places), call.files)
    for place, text in places.items():
        replace_file(place, text)


def _places(output: str, originals: Mapping[str, str]) -> dict[Path, str]:
    """Where each text goes. A name comes from a document: one that leads elsewhere is not believed."""
    place = Path(output)
    if len(originals) == 1 and not place.is_dir() and not output.endswith(os.sep):
        return {place: next(iter(originals.values()))}
    places = {inside(place, _relative(PurePath(name))): text for name, text in originals.items()}
    if len(places) < len(originals):
        raise click.UsageError("Two of the files have one name: roll them back one after the other.")
    return places


def _relative(name: PurePath) -> str:
    return (name.name or "original") if name.is_absolute() or ".." in name.parts else str(name)
