"""What docs/tune.md shows of workflows is what the commands print."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from couler_plugins.cli.group import couler
from support import ROOT

SECTION = (
    (ROOT / "docs" / "tune.md")
    .read_text(encoding="utf-8")
    .split("\n## Tuning steps of workflows\n")[1]
    .split("\n## ")[0]
)
BLOCKS: dict[str, list[str]] = {
    kind: re.findall(rf"```{kind}\n(.*?)```", SECTION, re.DOTALL) for kind in ("yaml", "console")
}


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "examples" / "tune")


def printed(*command: str) -> str:
    done = CliRunner().invoke(couler, [*command])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_example_is_shown_and_explained_as_it_is() -> None:
    assert BLOCKS["yaml"][0] == "# churn.yaml\n" + (ROOT / "examples/tune/churn.yaml").read_text(encoding="utf-8")
    (shown,) = BLOCKS["console"]
    assert shown == "$ couler explain churn.yaml -p 'tune{trials=3}'\n" + printed(
        "explain", "churn.yaml", "-p", "tune{trials=3}"
    )


@pytest.mark.parametrize(("file", "block"), [("churn.yaml", 1), ("pipeline.yaml", 2)], ids=["argo", "tekton"])
def test_what_becomes_of_it_is_shown_as_it_is(file: str, block: int) -> None:
    text = printed("optimize", file, "-p", "tune{trials=3}")
    at = 0
    for piece in BLOCKS["yaml"][block].split("      # …\n"):
        at = text.index(piece, at) + len(piece)
    assert CliRunner().invoke(couler, ["lint", "-"], input=text).exit_code == 0
