"""`couler diff`, and unified diffs."""

from __future__ import annotations

from collections.abc import Iterator

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
from couler_plugins.documents.matching import LineMatcher

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
                write_bytes(unified_diff(file.original or "", file.text or "", file.name, color=color))
        write_bytes(unified_diff("", result.added, "added.yaml", color=color) if result.added else "")
    code = call.report([file.error for file in result.files])
    say_unchanged(result)
    return code or int(exit_code and result.changed)


def unified_diff(old: str, new: str, name: str, *, color: bool) -> str:
    """What `diff -u` prints for two versions of a file, so that `patch -p0` and `git apply -p0` can apply it.

    Args:
        old: the text before.
        new: the text after.
        name: the file's name.
        color: whether to colour the lines.
    """
    return "".join(_lines(old, new, name, color))


def _lines(old: str, new: str, name: str, color: bool) -> Iterator[str]:
    lines = _hunks(_split(old), _split(new), name if old else "/dev/null", name)
    for number, line in enumerate(lines):
        text = line.removesuffix("\n")
        style = None if number < 2 else COLORS.get(text[:1])
        yield click.style(text, fg=style, bold=True if number < 2 else None) if color else text
        yield "\n" if line.endswith("\n") else "\n\\ No newline at end of file\n"


def _hunks(old: list[str], new: list[str], source: str, target: str) -> Iterator[str]:
    """What difflib.unified_diff gives, with a matcher that is fast enough for a hundred thousand lines."""
    for number, group in enumerate(LineMatcher(old, new).get_grouped_opcodes()):
        if not number:
            yield from (f"--- {_header(source)}\n", f"+++ {_header(target)}\n")
        spans = _span(group[0][1], group[-1][2]), _span(group[0][3], group[-1][4])
        yield f"@@ -{spans[0]} +{spans[1]} @@\n"
        for tag, i, i_end, j, j_end in group:
            if tag == "equal":
                yield from (f" {line}" for line in old[i:i_end])
            else:
                yield from (f"-{line}" for line in old[i:i_end])
                yield from (f"+{line}" for line in new[j:j_end])


def _header(name: str) -> str:
    """A file's name as `patch` reads it: a tab ends one with spaces in it."""
    return f"{name}\t" if " " in name else name


def _span(start: int, end: int) -> str:
    """A range of lines as hunk headers give it: from 1, or from the line before an empty one."""
    length = end - start
    return f"{start + 1}" if length == 1 else f"{start + (length > 0)},{length}"


def _split(text: str) -> list[str]:
    """The lines with their ends; only line feeds end a line, as for `patch`."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop().removesuffix("\n")
    return [*lines, last] if last else lines
