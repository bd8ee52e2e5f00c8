"""Placeholders: operations that fail when they run, in place of what somebody has to write by hand for another engine.

Adapters let them pass as they are, on the way out of an engine and on the way into one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from couler_plugins.ir import Container, Graph, Literal, Operation, Output

NAME = "couler-todo"
IMAGE = "busybox"
TAG = re.compile(r"(?<=[{$])(?=[{(%#])")
"""Where a template begins in any engine's language."""
OUTPUTS = "/tmp/couler-todo"  # noqa: S108  # a path in a container, where nothing is ever written


def placeholder(
    name: str, reason: str, *, original: Sequence[str] = (), outputs: Sequence[Output] = (), image: str = ""
) -> Operation:
    """Return an operation that prints what it stands for, and fails.

    Args:
        name: its name.
        reason: why it could not be carried, and what it stands for, in one line.
        original: the lines of the original, which its script holds as comments.
        outputs: what is read of it; each is a file that never appears.
        image: the image that it runs in.
    """
    comments = [_plain(f"# {line}".rstrip()) for line in original]
    message = _plain(f"to be written by hand: {reason}")
    script = "\n".join([*comments, f"echo {shlex.quote(message)} >&2", "exit 1"])
    return Operation(
        name=name,
        kind="container",
        outputs=tuple(
            Output(name=output.name, kind=output.kind, path=Literal(value=f"{OUTPUTS}/{output.name}"))
            for output in outputs
        ),
        containers=(
            Container(
                name=NAME,
                image=Literal(value=image or IMAGE),
                command=(Literal(value="sh"), Literal(value="-c")),
                args=(Literal(value=script),),
            ),
        ),
    )


def is_placeholder(*items: Operation | Graph | None) -> bool:
    """Return whether there is one item, and it is a placeholder."""
    names = [container.name for item in items if isinstance(item, Operation) for container in item.containers]
    return len(items) == 1 and names == [NAME]


def _plain(text: str) -> str:
    """Return a text that no engine takes for a template."""
    return TAG.sub(" ", text)
