"""`couler cache declare`: rows of the settings for a person to read and to keep."""

from __future__ import annotations

import msgspec

from couler_plugins.cli.explanation import with_lines
from couler_plugins.cli.messages import say, write_bytes
from couler_plugins.cli.records import print_json
from couler_plugins.cli.settings import engine_option, json_option, render_option, to_option
from couler_plugins.cli.work import FileCall, file_command, say_empty
from couler_plugins.driver.proposals import proposals
from couler_plugins.driver.session import optimize_inputs
from couler_plugins.errors import Unsupported

WIDEST = "cache{via=both,store=s3://bucket/cache,image=couler}"
"""The pipeline under which most steps can be cached; engines without wrappers refuse it."""


@file_command(
    "declare",
    to_option,
    engine_option,
    render_option,
    json_option,
    epilog="""\b
Examples:
  couler cache declare . > proposal.toml
  couler cache declare --format json manifests/
""",
)
def command(call: FileCall) -> int:
    """Proposes rows for couler.toml that declare steps pure.

    Lists each template, task or component that a declaration would let be cached: its steps, image, program and
    outputs, and the lines to look at. With `history` in the settings, the most useful ones come first.

    Rows are comments. Read the program, remove the `#` from the rows that are true, and put them into couler.toml. What
    nobody has read declares nothing.
    """
    with call.session() as session:
        try:
            result = optimize_inputs(call.files, WIDEST, session)
        except Unsupported:
            result = optimize_inputs(call.files, "cache", session)
    rows = proposals(with_lines(result, (item.file for item in call.files if item.file is not None)))
    if call.as_json:
        print_json("couler.cache-declare/v1", {"rows": [msgspec.to_builtins(item) for item in rows]})
    else:
        write_bytes("\n\n".join(item.row for item in rows) + "\n" * bool(rows))
        count = sum(len(item.calls) for item in rows)
        say(f"{len(rows)} rows for {count} steps. All are comments, and declare nothing yet.")
    say_empty(result, call.files)
    return call.report([file.error for file in result.files])
