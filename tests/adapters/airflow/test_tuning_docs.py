"""What docs/tune.md shows of a DAG is what it does."""

from __future__ import annotations

import re

import pytest

from adapters.airflow.running import run
from support import ROOT

SECTION = (ROOT / "docs/tune.md").read_text(encoding="utf-8").split("\n## Tuning Airflow tasks\n")[1].split("\n## ")[0]


@pytest.mark.airflow
def test_the_dag_does_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    source, printed = (re.findall(rf"```{kind}\n(.*?)```", SECTION, re.DOTALL)[0] for kind in ("python", "console"))
    names: dict[str, object] = {}
    exec(source.replace("\nchurn()\n", "\nflow = churn()\n"), names)  # our own page
    done = run(names["flow"])
    assert done.state == "success"
    assert f"the best: {done.xcoms['train', -1, 'return_value']}\n".replace('"', "'") in printed
    told = capsys.readouterr()
    for line in printed.splitlines()[1:]:
        assert line in told.out + told.err
