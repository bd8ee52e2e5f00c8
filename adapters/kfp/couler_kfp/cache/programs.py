"""The texts of a container that are, or may be, programs; of a lightweight Python component that is its source alone.

KFP's SDK wraps these into a shell program that installs packages and starts the executor (`component_factory.py`).
That program is not the author's: it names a temporary folder and `pip`, and neither changes what the component makes.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple

from couler_plugins.documents.mappings import Mapped

LAUNCH = re.compile(
    r'program_path=\$\(mktemp -d\) printf "%s" "\$0" > "\$program_path/ephemeral_component\.py"'
    r" (?:_KFP_RUNTIME=true )?python3 -m kfp\.\w+(?:\.\w+)* --component_module_path"
    r' "\$program_path/ephemeral_component\.py" "\$@"'
)
WORD = r"""(?:'[^']*'|"[^"$`]*"|[\w@%+=:,./~-]+)"""
VENV = (
    r'export PIP_DISABLE_PIP_VERSION_CHECK=1 tmp=\$\(mktemp -d\) python3 -m venv "\$tmp/venv"'
    r' --system-site-packages \. "\$tmp/venv/bin/activate" '
)
INSTALL = re.compile(
    r'(?:if ! \[ -x "\$\(command -v pip\)" \]; then [^;]* fi )?'
    r"PIP_DISABLE_PIP_VERSION_CHECK=1 "
    rf'(?P<installs>(?:(?:{VENV})?python3 -m pip install(?: {WORD})+ && )+)"\$0" "\$@"'
)
PINNED = re.compile(r"[^=<>!~@;]+==[^=*]+|.+@ ?git\+.+@[0-9a-f]{40}|.+#sha256=[0-9a-f]{64}")
OF_THE_SDK = 'typing-extensions>=3.7.4,<5; python_version<"3.9"'
"""What the SDK installs beside itself, on versions of Python that it no longer runs on."""
WITH_VALUE = frozenset({"--index-url", "--extra-index-url", "--trusted-host"})


class Programs(NamedTuple):
    """What a container runs.

    Attributes:
        texts: the texts that are or may be programs.
        packages: what is installed before, and may be another version at another time.
        is_function: whether it is a lightweight Python component, whose source is the first text.
    """

    texts: tuple[str, ...]
    packages: tuple[str, ...] = ()
    is_function: bool = False


def programs(container: Mapped) -> Programs:
    """What a container runs."""
    words = [*_texts(container.get("command")), *_texts(container.get("args"))]
    packages: tuple[str, ...] = ()
    if words[:2] == ["sh", "-c"] and len(words) > 2 and (match := INSTALL.fullmatch(_one_line(words[2]))):
        packages, words = tuple(_unpinned(match["installs"])), words[3:]
    is_function = words[:1] == ["sh"] and len(words) > 3 and LAUNCH.fullmatch(_one_line(words[2])) is not None
    words = words[3:] if is_function else words
    env = container.get("env")
    variables = [item for item in env if isinstance(item, dict)] if isinstance(env, list) else []
    values = [text for item in variables for text in _texts(item.get("value"))]
    image = re.sub(r"[:@].*", "", str(container.get("image", "")).rsplit("/", 1)[-1])
    return Programs((*words, *values, image), packages, is_function)


def _one_line(text: str) -> str:
    return " ".join(text.replace("\\\n", " ").split())


def _texts(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for item in content:
            yield from _texts(item)


def _unpinned(installs: str) -> Iterator[str]:
    """The packages in `pip install` commands whose version is left to the day on which they run."""
    for command in re.split(r" && (?=python3 -m pip )", re.sub(VENV, "", installs).removesuffix(" && ")):
        words = shlex.split(command)[4:]
        for before, word in zip(["", *words], words, strict=False):
            chosen = word.startswith("-") or before in WITH_VALUE or word == OF_THE_SDK
            if not chosen and not PINNED.fullmatch(word):
                yield word
