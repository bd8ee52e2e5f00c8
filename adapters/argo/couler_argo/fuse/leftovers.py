"""What a step may leave in its container: files and processes that the next step of one script would meet.

A container of its own is gone with all that was written in it; the parts of one script share one. Only little can be
shown of a program: that it is a command which writes nothing, or a script of such commands alone.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from couler_argo.spelling import write
from couler_plugins.ir import Container, Literal, Template, Value

SHELLS = frozenset({"sh", "bash", "ash", "dash"})
HARMLESS = frozenset(
    re.findall(
        r"\S+",
        ": [ [[ basename break cat continue cut date dirname do done echo elif else esac exit expr false fi for grep "
        "head id if in local nproc printenv printf pwd return seq set shift sleep tac tail test then tr true uname "
        "until wait wc while whoami !",
    )
)
"""Commands and words of the shell that write no file, whatever their arguments are."""
LEADING = frozenset({"do", "else", "elif", "if", "then", "until", "while", "!", "time"})
ASSIGNMENT = re.compile(r"""[A-Za-z_]\w*=(?:"[^"]*(?:"|\Z)|'[^']*(?:'|\Z)|[^\s"'])*\s*""")
SEPARATOR = re.compile(r"&&|\|\||(?<![<>])&(?![\d-])|[;|\n(){}`]|\$\(")
BACKGROUND = re.compile(r"(?<![&<>|])&(?![&>\d])|\b(?:nohup|setsid|disown|coproc)\b")
"""What leaves a process behind: a single `&`, or a command for that."""
REDIRECTION = re.compile(r"\d?>{1,2}\|?\s*")
NOWHERE = re.compile(r"&[\d-]|[\"']?/dev/(?:null|stdout|stderr)\b")


def name_of(word: Value) -> str:
    """Return the name of the program that a word of a command names; empty where only the run knows."""
    return posixpath.basename(str(word.value)) if isinstance(word, Literal) else ""


def shell_text(main: Container) -> str | None:
    """Return the text that a container's shell reads, with `…` for what Argo fills in; None without a shell."""
    if not main.command or name_of(main.command[0]) not in SHELLS:
        return None
    words = [*main.command[1:], *main.args, *((main.script,) if main.script is not None else ())]
    return "\n".join(_text(word) for word in words if not re.fullmatch(r"-\w+", _text(word)))


def _text(value: Value) -> str:
    if isinstance(value, Template):
        return "".join(piece if isinstance(piece, str) else "…" for piece in value.parts)
    return str(write(value)) if isinstance(value, Literal) else "…"


def leaves_processes(main: Container) -> bool:
    """Tell whether a container's shell may leave a process behind that runs beside the next step."""
    text = shell_text(main)
    return text is not None and bool(BACKGROUND.search(text))


def leaves_nothing(main: Container, outputs: Iterable[str]) -> bool:
    """Tell whether a container surely writes no file but its outputs.

    Args:
        main: the container.
        outputs: where it leaves its outputs; they are moved away.
    """
    text = shell_text(main)
    if text is None:
        return main.script is None and bool(main.command) and name_of(main.command[0]) in HARMLESS
    text = text.replace("\\\n", " ")
    for path in outputs:
        text = re.sub(rf"(>{{1,2}}\s*)[\"']?{re.escape(path)}[\"']?(?=[\s;|&)]|\Z)", r"\1&1", text)
    if any(not NOWHERE.match(text, arrow.end()) for arrow in REDIRECTION.finditer(text)):
        return False
    return all(map(_is_harmless, SEPARATOR.split(text)))


def _is_harmless(command: str) -> bool:
    words = command.strip()
    while (assignment := ASSIGNMENT.match(words)) is not None:
        words = words[assignment.end() :]
    while (first := words.split(maxsplit=1)[:1]) and first[0] in LEADING:
        words = words.removeprefix(first[0]).lstrip()
    return not first or first[0].startswith("#") or first[0] in HARMLESS
