"""`couler rollback`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from couler_plugins.cli.messages import write_bytes
from couler_plugins.cli.outputs import refuse_inputs, replace_file
from couler_plugins.cli.settings import engine_option, output_option
from couler_plugins.cli.work import FileCall, file_command
from couler_plugins.driver.session import originals_in
from couler_plugins.errors import InvalidInput


@file_command(
    "rollback",
    engine_option,
    output_option,
    searches=False,
    epilog="""\b
Examples:
  couler rollback split/ -o workflow.yaml
  kubectl get configmap -l couler.io/original=train -o yaml | couler rollback
""",
)
def command(call: FileCall, *, output: str | None) -> None:
    """Restores the original files of workflows that were split.

    `split` stores the original files beside the parts, on Argo in ConfigMaps. Give these documents as input.
    """
    with call.session() as session:
        originals = originals_in(call.files, session)
    if not originals:
        hint = "give all files that split wrote, with the added documents"
        raise InvalidInput(
            "no document here holds an original file", file=call.files[0].name if call.files else None, hint=hint
        )
    if output in (None, "-"):
        if len(originals) > 1:
            raise click.UsageError(f"There are {len(originals)} files: give -o FOLDER.")
        write_bytes(next(iter(originals.values())))
        return
    places = _places(Path(str(output)), originals)
    refuse_inputs(list(places), call.files)
    for place, text in places.items():
        replace_file(place, text)


def _places(output: Path, originals: Mapping[str, str]) -> dict[Path, str]:
    """Where each text goes. A name comes from a document: only its last part is believed."""
    if len(originals) == 1 and not output.is_dir():
        return {output: next(iter(originals.values()))}
    places = {output / (Path(name).name or "original"): text for name, text in originals.items()}
    if len(places) < len(originals):
        raise click.UsageError("Two of the files have one name: roll them back one after the other.")
    return places
