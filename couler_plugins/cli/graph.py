"""`couler graph`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import click

from couler_plugins.cli.messages import say
from couler_plugins.cli.outputs import names, refuse_inputs, write_text
from couler_plugins.cli.settings import engine_option, input_scale_option, pipeline_option, render_option
from couler_plugins.cli.work import FileCall, file_command
from couler_plugins.driver.rewrite import Session
from couler_plugins.driver.session import optimize_inputs
from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.ir import Workflow
from couler_plugins.plan import Part
from couler_plugins.viz.diagrams import Drawing, draw, to_dot, to_mermaid
from couler_plugins.viz.diagrams.mermaid import MAX_ARROWS
from couler_plugins.viz.page import page
from couler_plugins.viz.page.parts import entry_graph, split_of

SUFFIXES = {".dot": "dot", ".gv": "dot", ".html": "html", ".htm": "html"}
log = logging.getLogger(__name__)


@file_command(
    "graph",
    pipeline_option,
    engine_option,
    render_option,
    input_scale_option,
    click.option(
        "--format",
        "notation",
        type=click.Choice(["mermaid", "dot", "html"]),
        help="Default: what the suffix of -o says (.mmd, .dot, .gv, .html, .htm), otherwise mermaid.",
    ),
    click.option("-o", "--output", metavar="PATH", help="Where to write. Default: stdout."),
    epilog="""\b
Examples:
  couler graph workflow.yaml
  couler graph dags/train.py
  couler graph --format dot workflow.yaml | dot -Tsvg > workflow.svg
  couler graph --format html -p dedupe,prune workflow.yaml -o page.html
  couler graph --format html -p rightsize --history history.jsonl workflow.yaml -o page.html
  couler graph --format dot -p split workflow.yaml | dot -Tsvg > parts.svg
""",
)
def command(call: FileCall, *, notation: str | None, output: str | None) -> int:
    """Draws workflows as Mermaid, DOT or a page for the browser.

    Solid arrows show order, dotted arrows data, thick arrows calls of a graph. A small circle is a barrier: all
    steps before it end before any step after it starts.

    With -p, draws the workflows after these optimizers. A split workflow is one picture, with a frame around each
    part. Arrows between parts have another colour.

    With --format html, writes one page that works offline. It shows the workflows before and after the optimizers,
    each change with its reason, and the changed lines of each step. With -p "", it shows just the workflows. With
    --history, it says what a run costs.
    """
    notation = notation or SUFFIXES.get(Path(output or "").suffix.lower(), "mermaid")
    with call.session() as session:
        if output not in (None, "-"):
            refuse_inputs([Path(str(output))], call.files)
        if notation == "html":
            text, errors = _page(call, session)
        else:
            text, errors = _picture(call, session, notation)
    if text and not (errors and len(errors) == len(call.files)):
        write_text(text, output)
        if errors and output:
            say(f"{output} is written without {names([error.file or 'a file' for error in errors])}")
    return call.report(errors)


def _picture(call: FileCall, session: Session, notation: str) -> tuple[str, list[CoulerError]]:
    """The picture as text, and the errors of the files that are not in it."""
    drawing, errors = (_optimized if call.config.origin("pipeline") == "flag" else _lifted)(call, session)
    if notation == "mermaid" and len(drawing.arrows) > MAX_ARROWS:
        message = "%d arrows: Mermaid draws more than %d only if maxEdges is set; --format dot has no such limit"
        log.warning(message, len(drawing.arrows), MAX_ARROWS)
    return to_mermaid(drawing) if notation == "mermaid" else to_dot(drawing), errors


def _lifted(call: FileCall, session: Session) -> tuple[Drawing, list[CoulerError]]:
    """The workflows as they are."""
    plans, errors = call.lift(session)
    return draw([workflow for plan in plans for workflow in plan.workflows]), errors


def _optimized(call: FileCall, session: Session) -> tuple[Drawing, list[CoulerError]]:
    """The workflows as optimizers leave them; those that were split as they were before, with their parts."""
    result = optimize_inputs(call.files, call.config.pipeline, session)
    errors = [file.error for file in result.files if file.error is not None]
    splits = [split_of(item, result.parts) for item in result.workflow_versions]
    inside = {part.name for part in result.parts}
    shown: list[tuple[Workflow, Sequence[Part]]] = []
    for item, split in zip(result.workflow_versions, splits, strict=True):
        last = item.versions[-1]
        if split is not None:
            shown.append((split.workflow, split.parts))
        elif last is not None and not ((graph := entry_graph(last)) and item.file is None and graph.name in inside):
            shown.append((last, ()))
    return draw([workflow for workflow, _ in shown], [parts for _, parts in shown]), errors


def _page(call: FileCall, session: Session) -> tuple[str, list[CoulerError]]:
    """The page, empty where there is nothing to show, and the errors of the files that are not in it."""
    result, costs = call.optimize(session, call.config.pipeline)
    errors = [file.error for file in result.files if file.error is not None]
    if not result.workflow_versions and not errors:
        raise InvalidInput(
            "there is no workflow that a plugin understands",
            file=call.files[0].name if len(call.files) == 1 else None,
            hint=f"there are adapters for {', '.join(session.plugins.adapters) or 'nothing'}",
        )
    session.report("drawing the page")
    tables = [costs.table] if costs is not None else []
    text = page(result, *tables) if result.workflow_versions else ""
    return text, errors
