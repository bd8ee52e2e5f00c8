"""What docs/queue.md shows is what `queue` does, and `couler queue manifests`."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from couler_plugins.cli.group import couler
from couler_plugins.queues.application import LOCKED, OWN
from couler_plugins.queues.optimizer import Queue
from queues.test_queue_corpus import REASONS
from support import ROOT

PAGE = (ROOT / "docs" / "queue.md").read_text(encoding="utf-8")
BLOCKS = {
    language: re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) for language in ("toml", "yaml", "console")
}
WORDS = {"": "none"}


def test_the_page_shows_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("queues.toml").write_text(BLOCKS["toml"][0])
    Path("train.yaml").write_text(BLOCKS["yaml"][1])
    shown = re.findall(r"^\$ couler (.*)\n((?:(?!\$ ).*\n)*)", "".join(BLOCKS["console"]), re.MULTILINE)
    assert [command.split()[0] for command, _ in shown] == ["queue", "diff", "explain"]
    for command, text in shown:
        result = CliRunner().invoke(couler, command.replace("'", "").split())
        printed = result.stdout or result.stderr.partition("\n\n")[0] + "\n"
        assert printed == text
    configuration = Path("kueue/configuration.yaml").read_text()
    assert configuration == BLOCKS["yaml"][0]
    assert {item["kind"] for item in yaml.safe_load_all(Path("kueue/queues.yaml").read_text())} >= {"ClusterQueue"}


def test_the_page_has_all_options_with_their_defaults() -> None:
    table = PAGE.partition("| option |")[2].partition("\n\n")[0]
    shown = dict(re.findall(r"^\| `([a-z-]+)` \| ([^|]+) \|", table, re.MULTILINE))
    assert shown.pop("name") == "needed"
    assert shown == {one.name: WORDS.get(str(one.default), str(one.default)) for one in fields(Queue)[1:]}


def test_the_page_has_the_reasons() -> None:
    table = PAGE.partition("## Left alone")[2]
    shown = re.findall(r"^\| ([^|]+?) \|", table, re.MULTILINE)[2:]
    assert [
        one for one in shown if not one.startswith((*REASONS, "the wait would count for", "queues.toml has no"))
    ] == []
    assert {OWN, LOCKED} <= {*shown}
