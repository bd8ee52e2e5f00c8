"""The documentation calls commands that `couler` takes, and shows outputs that a test runs, or says why none does."""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from couler_plugins.cli.group import couler
from page_files import files_of
from support import ROOT
from test_tutorials import commands_of, pattern_of

FENCE = re.compile(r"^( *)```(\w*)([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
EXCUSE = re.compile(r"<!-- not run(?: \(([^)]+)\))?: ([^>]+) -->\n")
EXCUSES = re.compile(rf"(?:{EXCUSE.pattern})+\s*$")
COMMENT = re.compile(r"(?:^|\s)#\s.*")
OURS = re.compile(r"^(?:\$ )?couler ", re.MULTILINE)
SIGNS = frozenset(";&|<>()")
STANDS_FOR = {
    "sha256:…": f"sha256:{'0' * 64}",
    "9f86d0…": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "8f14e45f-…": "8f14e45f-0000",
    "https://example.org/": "file://$PWD/",
    "s3://bucket/tables": "file://$PWD/bucket/tables",
    "COULER_CACHE_STORE=s3://": "COULER_CACHE_STORE=file://$PWD/",
    "--store s3://": "--store file://$PWD/",
    "=s3://raw": "=file://$PWD/raw",
    "=s3://clean": "=file://$PWD/clean",
    "/data/history": "history",
    " --listen 9877": "",  # it would serve until it is stopped
}
"""What stands for a text of a page that is none as it stands, or that would need a service: buckets are folders."""
FEWER = ("--runs", "6", "--seeds", "1", "--jobs", "1")
"""Options of `couler simulate` that save time, where it simulates a cache."""
VALUES = {"hash": f"v1:{'0' * 64}", "lineage": "1" * 64}
"""Variables that a page takes from elsewhere."""
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
EXCUSED = 92
"""Commands that need a cluster, a service, a model or a package index, or that serve. There should be fewer."""


@dataclass(frozen=True)
class Block:
    """A block of commands: where it stands, and why it is not run, or which of its lines, if the page says so.

    Attributes:
        excuses: reasons by the word that is in the lines which are not run; none is in all of them.
    """

    page: str
    line: int
    kind: str
    text: str
    excuses: dict[str, str]

    @property
    def lines(self) -> list[tuple[str, str]]:
        """Its commands, each with what it prints as far as it is shown."""
        text = self.text.replace("\\\n", " ")
        if text.startswith("$ "):
            return [(COMMENT.sub("", command).strip(), shown) for command, shown in commands_of(text)]
        return [(line, "") for line in (COMMENT.sub("", row).strip() for row in text.splitlines()) if line]

    def excused(self, line: str) -> bool:
        """Whether the page says why a command is not run."""
        return any(word in line for word in self.excuses)

    @property
    def output(self) -> bool:
        """Whether the page shows what the commands print."""
        return any(shown for _, shown in self.lines)


def blocks() -> Iterator[Block]:
    for path in PAGES:
        text = path.read_text("utf-8")
        page = path.relative_to(ROOT).as_posix()
        for fence in FENCE.finditer(text):
            before = text[: fence.start()]
            if fence[2] in {"console", "sh", "bash"} or (not fence[2] and OURS.search(fence[4])):
                excuses = EXCUSES.search(before)
                reasons = dict(EXCUSE.findall(excuses[0])) if excuses else {}
                yield Block(page, before.count("\n") + 1, fence[2], fence[4], reasons)


BLOCKS = list(blocks())
SHOWN = {page.relative_to(ROOT).as_posix() for page in PAGES if ' title="' in page.read_text("utf-8")}
"""Pages that show their files: `test_tutorials.py` runs all of their console blocks."""


def elsewhere(block: Block) -> bool:
    """Whether another test runs a block."""
    return (block.page in SHOWN and block.kind == "console") or (block.page in HELD and block.output)


def split(line: str) -> list[str]:
    """The words of a command, and the signs between commands."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|<>()")
    lexer.whitespace_split = True
    return list(lexer)


def calls(block: Block) -> Iterator[list[str]]:
    """The arguments of each call of `couler` in a block."""
    for line, _ in block.lines:
        words: list[str] = []
        for word in [*split(line), ";"]:
            if set(word) <= SIGNS:
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
    excuses = [(block, word) for block in BLOCKS for word in block.excuses]
    for block, word in excuses:
        of_it = [word in line for line, _ in block.lines]
        assert any(of_it), f"{block.page}:{block.line}: no line has {word}"
        assert not (word and all(of_it)), f"{block.page}:{block.line}: all lines have {word}"
    assert sum(block.excused(line) for block in BLOCKS for line, _ in block.lines) <= EXCUSED
    held = Counter(block.page for block in BLOCKS if elsewhere(block) and block.page not in SHOWN and not block.excuses)
    assert held == {page: count for page, (_, count) in HELD.items()}
    for page, (test, _) in HELD.items():
        assert Path(page).name in (ROOT / "tests" / test).read_text("utf-8")


def simple(line: str) -> tuple[list[str], str]:
    """The words of one call of `couler`, and the file that it prints into; no words where it takes a shell."""
    words = split(os.path.expandvars(line))
    words, target = (words[:-2], words[-1]) if words[-2:-1] in ([">"], [">>"]) else (words, "")
    if words[0] not in {"couler", "cd", "export", "python3"} or any(set(word) <= SIGNS for word in words):
        return [], ""
    return words, target


def do(line: str, block: Block) -> tuple[int, str]:
    """Run a command in this process; the exit code, and what it prints."""
    for text, other in STANDS_FOR.items():
        line = line.replace(text, other.replace("$PWD", str(Path.cwd())))
    words, target = simple(line)
    assert words, f"{block.page}:{block.line}: {line} takes a shell: say <!-- not run (WORD): takes a shell -->"
    if words[0] == "export":
        name, _, value = words[1].partition("=")
        os.environ[name] = value
    elif words[0] == "cd":
        os.chdir(words[1])
    elif words[0] == "python3":  # `test_dev.py` runs its jobs
        assert words[1] == "dev.py"
        assert f"dev.py {words[2]} " in (ROOT / "dev.py").read_text("utf-8")
    else:
        result = CliRunner().invoke(
            couler, [*words[1:], *(FEWER if words[1] == "simulate" and "-p" not in words else ())]
        )
        if target:
            Path(target).write_text(result.stdout, "utf-8")
        return result.exit_code, result.stderr if target else result.output
    return 0, ""


def commands(page: str) -> list[tuple[Block, str, str]]:
    blocks = [block for block in BLOCKS if block.page == page and not elsewhere(block)]
    return [(block, line, shown) for block in blocks for line, shown in block.lines if not block.excused(line)]


HEAVY = {f"docs/{name}.md" for name in ("airflow", "kfp-split", "split", "tekton-split", "tune")}
"""Pages whose commands take seconds: they load Airflow, cut large workflows, or train."""


@pytest.fixture(autouse=True, scope="module")
def short_searches() -> None:
    """Search splits as long as users do: pages show what comes of that."""


def case(page: str) -> Any:
    text = " ".join(line for _, line, _ in commands(page))
    marks = [pytest.mark.airflow] * ("dags/" in text) + [pytest.mark.slow] * (page in HEAVY)
    return pytest.param(page, marks=marks)


@pytest.mark.parametrize("page", [case(page) for page in sorted({block.page for block in BLOCKS}) if commands(page)])
def test_the_commands_of_a_page_do_what_it_says(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = tmp_path / "work"
    (work / "bucket" / "cache").mkdir(parents=True)  # a bucket has every folder
    (tmp_path / "home").mkdir()
    for name, text in files_of(page).items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text, "utf-8")
    monkeypatch.chdir(work)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name, value in VALUES.items():
        monkeypatch.setenv(name, value)
    for block, line, shown in commands(page):
        code, printed = do(line, block)
        assert code == 0, f"{page}:{block.line}: {line}\n{printed}"
        if shown:
            assert pattern_of(shown).fullmatch(printed), f"{page}:{block.line}: {line}\n{printed}"
