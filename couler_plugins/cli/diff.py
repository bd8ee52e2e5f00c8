"""`couler diff`."""

from __future__ import annotations

import click

from couler_plugins.cli.messages import use_color, write_bytes
from couler_plugins.cli.records import file_record, print_json
from couler_plugins.cli.settings import (
    engine_option,
    input_scale_option,
    json_option,
    pipeline_option,
    render_option,
    to_option,
)
from couler_plugins.cli.work import FileCall, file_command, say_unchanged
from couler_plugins.documents.unified import unified_diff

COLORS = {"+": "green", "-": "red", "@": "cyan"}


@file_command(
    "diff",
    pipeline_option,
    to_option,
    engine_option,
    render_option,
    input_scale_option,
    click.option("--exit-code", is_flag=True, help="Exit with 1 if there are differences, as diff does."),
    json_option,
    epilog="""\b
Examples:
  couler diff workflow.yaml
  couler diff dags/train.py
  couler diff manifests/ | git apply -p0
  couler diff -p rightsize --history history.jsonl manifests/ | patch -p0
  couler diff --exit-code -p dedupe workflow.yaml
""",
)
def command(call: FileCall, *, exit_code: bool) -> int:
    """Shows what `optimize` would change, as a unified diff.

    With --format json, prints a list of edits instead. With --history, lines above the diff say how the cost of a run
    changes; patch and git skip them.
    """
    with call.session() as session:
        result, costs = call.optimize(session, call.config.pipeline)
    if call.as_json:
        content: dict[str, object] = {"files": [file_record(file, ("edits",)) for file in result.files]}
        print_json("couler.diff/v1", content | ({"cost": costs.costs} if costs is not None else {}))
    else:
        if costs is not None and result.changed:
            write_bytes("".join(f"{line}\n" for line in costs.comments()))
        color = use_color(call.config)
        for file in result.files:
            if file.status == "changed":
                write_bytes(_text(file.original or "", file.text or "", file.name, color))
        write_bytes(_text("", result.added, "added.yaml", color) if result.added else "")
    code = call.report([file.error for file in result.files])
    say_unchanged(result)
    return code or int(exit_code and result.changed)


def _text(old: str, new: str, name: str, color: bool) -> str:
    lines = unified_diff(old, new, name)
    return "".join(_colored(number, line) if color else line for number, line in enumerate(lines))


def _colored(number: int, line: str) -> str:
    text, end, rest = line.partition("\n")
    return (
        click.style(text, fg=None if number < 2 else COLORS.get(text[:1]), bold=True if number < 2 else None)
        + end
        + rest
    )
