"""`couler images`."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import click

from couler_plugins.cli.messages import counted, say
from couler_plugins.cli.outputs import refuse_inputs, write_text
from couler_plugins.cli.settings import engine_option, render_option
from couler_plugins.cli.work import FileCall, file_command
from couler_plugins.driver.rewrite import Session, adapter_errors
from couler_plugins.ir import Value
from couler_plugins.net.registries import CLIENTS, registry_client
from couler_plugins.optimizers.pin import read_digests, tag_of
from couler_plugins.plan import Plan

log = logging.getLogger(__name__)


@file_command(
    "images",
    click.option("-o", "--output", metavar="FILE", help="Where to write. Digests in it stay. Default: stdout."),
    click.option("--update", is_flag=True, help="Ask for the digests again that the file of -o has already."),
    click.option(
        "--client",
        type=click.Choice(["auto", *(client.name for client in CLIENTS)]),
        default="auto",
        show_default=True,
        help="The program that asks registries; auto is the first one that is installed.",
    ),
    engine_option,
    render_option,
    epilog="""\b
Examples:
  couler images manifests/ -o images.json
  couler optimize -p 'pin{map=images.json},dedupe,cache' manifests/ -o optimized/
  couler images --update manifests/ -o images.json
""",
)
def command(call: FileCall, *, output: str | None, update: bool, client: str) -> int:
    """Writes the digests of images, for the optimizer `pin`.

    Asks the registries of all images that have a tag and no digest. Uses crane, oras or skopeo, with the
    credentials that they find. An image without an answer gets a warning, and keeps the digest that it has.
    """
    file = Path(output) if output not in (None, "-") else None
    digests = read_digests(file) if file is not None and file.exists() else {}
    with call.session() as session:
        if file is not None:
            refuse_inputs([file], call.files)
        plans, errors = call.lift(session)
        images = sorted({image for plan in plans for image in _images(plan, session)})
        wanted = [image for image in images if update or image not in digests]
        session.report(f"asking for {counted(len(wanted), 'digest')}")
        if wanted:
            program = registry_client(client)
            for image, (digest, reason) in zip(wanted, program.digests(wanted), strict=True):
                if digest:
                    digests[image] = digest
                    continue
                hint = f"try `{program.login}`, or write its digest into the file"
                log.warning("%s has no new digest: %s\n  hint: %s", image, reason, hint)
    write_text(json.dumps(digests, indent=2, sort_keys=True, ensure_ascii=False) + "\n", output)
    missing = sum(image not in digests for image in images)
    say(f"{counted(len(images), 'image')}, {missing} without a digest")
    return call.report(errors)


def _images(plan: Plan, session: Session) -> set[str]:
    """The images of a plan that have a tag and no digest."""
    images: set[str] = set()

    def add(operation: str, image: Value) -> Value:
        images.add(tag_of(image))
        return image

    for workflow in plan.workflows:
        adapter = session.plugins.adapter(workflow.engine)
        with adapter_errors(adapter.engine, "images()"):
            adapter.images(workflow, add)
    return images - {""}
