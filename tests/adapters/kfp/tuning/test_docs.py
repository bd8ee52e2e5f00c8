"""What docs/tune.md shows of KFP's pipelines is what the commands print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from adapters.kfp.local.running import run
from couler_plugins.cli.group import couler
from support import ROOT

SECTION = (ROOT / "docs/tune.md").read_text(encoding="utf-8").split("\n## Tuning Kubeflow tasks\n")[1].split("\n## ")[0]
PYTHON, CONSOLE, NOTE = (
    re.findall(rf"```{kind}\n(.*?)```", SECTION, re.DOTALL) for kind in ("python", "console", "yaml")
)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


def test_the_pipeline_is_explained_tuned_and_run_as_it_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kfp.cli.compile_ import collect_pipeline_or_component_func
    from kfp.compiler import Compiler

    (tmp_path / "churn.py").write_text(PYTHON[0])
    monkeypatch.chdir(tmp_path)
    Compiler().compile(collect_pipeline_or_component_func("churn.py", None), "churn.yaml")
    shown = CONSOLE[0].split("$ ")
    for command in shown[2:4]:
        line, _, printed = command.partition("\n")
        words = line.replace("'", "").removeprefix("couler ").split(" ")
        done = CliRunner().invoke(couler, words)
        assert (done.exit_code, done.stdout) == (0, printed), done.output
    text = (tmp_path / "tuned.yaml").read_text()
    assert NOTE[0] in text
    ran = run(text, {})
    assert f"  Output = {ran.outputs['Output']}\n" in shown[4], ran.log
