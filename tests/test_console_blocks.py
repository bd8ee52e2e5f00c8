"""The documentation calls commands that `couler` takes, and shows outputs that a test runs, or says why none does."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from couler_plugins.cli.group import couler
from support import ROOT

FENCE = re.compile(r"^( *)```(\w*)([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
EXCUSE = re.compile(r"<!-- not run: ([^>]+) -->\n\s*$")
COMMENT = re.compile(r"(?:^|\s)#\s.*")
OURS = re.compile(r"^(?:\$ )?couler ", re.MULTILINE)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
HELD = {
    "README.md": ("test_docs.py", 2),
    "docs/explain.md": ("cli/test_explain_cache.py", 1),
    "docs/fuse.md": ("fusion/test_fuse_docs.py", 1),
    "docs/local.md": ("running/local/test_docs.py", 2),
    "docs/metrics.md": ("monitoring/test_metrics_docs.py", 1),
    "docs/plugins/tutorial.md": ("hooks/test_tutorial.py", 1),
    "docs/queue.md": ("queues/test_queue_docs.py", 2),
    "docs/report.md": ("cli/test_report.py", 1),
    "docs/resume.md": ("cli/test_resume.py", 1),
    "docs/why.md": ("why/test_why_docs.py", 1),
    # One of each of these: for workflows, for KFP, for Airflow.
    "docs/tune.md": ("hpo/workflows/test_docs.py", 3),
}
"""Pages whose printed output another test compares: that test, and how many blocks there it holds."""
EXCUSED = 13
"""Blocks of output that need a cluster, a service, or files that are too long for their page. There should be fewer."""


@dataclass(frozen=True)
class Block:
    """A block of commands: where it stands, and why it is not run, if the page says so."""

    page: str
    line: int
    text: str
    excuse: str

    @property
    def output(self) -> bool:
        """Whether the page shows what the commands print."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return self.text.startswith("$ ") and any(line and not line.startswith(("$ ", "#")) for line in lines)


def blocks() -> Iterator[Block]:
    for path in PAGES:
        text = path.read_text("utf-8")
        page = path.relative_to(ROOT).as_posix()
        for fence in FENCE.finditer(text):
            before = text[: fence.start()]
            if fence[2] in {"console", "sh", "bash"} or (not fence[2] and OURS.search(fence[4])):
                excuse = EXCUSE.search(before)
                yield Block(page, before.count("\n") + 1, fence[4], excuse[1] if excuse else "")


BLOCKS = list(blocks())
RUN = {page.relative_to(ROOT).as_posix() for page in PAGES if ' title="' in page.read_text("utf-8")}
"""Pages that show their files: `test_tutorials.py` runs all of their console blocks."""


def calls(block: Block) -> Iterator[list[str]]:
    """The arguments of each call of `couler` in a block."""
    prompted = block.text.startswith("$ ")
    for line in block.text.replace("\\\n", " ").splitlines():
        if prompted and not line.startswith("$ "):
            continue
        lexer = shlex.shlex(COMMENT.sub("", line.removeprefix("$ ")), posix=True, punctuation_chars=";&|<>()")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= set(";&|<>()"):
                if words[:1] == ["couler"]:
                    yield words[1:]
                words = []
            else:
                words.append(word)


def parse(words: list[str]) -> None:
    """Parse the arguments of a call, and call nothing."""
    command: click.Command = couler
    name: str | None = "couler"
    context: click.Context | None = None  # a command keeps the options of help of the first context that it is in
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        settings = command.context_settings if context is None else {}
        context = click.Context(command, parent=context, info_name=name, **settings)
        name, found, words = command.resolve_command(context, words)
        assert found
        command = found
    command.make_context(name, words, parent=context)


@pytest.mark.parametrize("page", sorted({block.page for block in BLOCKS}))
def test_the_commands_of_a_page_are_those_of_couler(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for block in BLOCKS:
        if block.page == page:
            for words in calls(block):
                try:
                    parse(words)
                except click.ClickException as error:
                    raise AssertionError(f"{page}:{block.line}: couler {' '.join(words)}: {error.message}") from None


def test_what_a_page_shows_is_run_or_held_or_excused() -> None:
    shown = [block for block in BLOCKS if block.output and block.page not in RUN]
    loose = Counter(block.page for block in shown if not block.excuse)
    assert loose == {page: count for page, (_, count) in HELD.items()}, "or say: <!-- not run: REASON -->"
    assert sum(bool(block.excuse) for block in shown) <= EXCUSED
    for page, (test, _) in HELD.items():
        assert Path(page).name in (ROOT / "tests" / test).read_text("utf-8")
