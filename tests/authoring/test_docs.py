"""The page on authoring says what is done."""

from __future__ import annotations

import re

import pytest

import couler_plugins.authoring as couler
from authoring.carried import ROWS, written
from authoring.listings import FOLDER, golden
from couler_plugins.errors import Unsupported
from support import ROOT

PAGE = (ROOT / "docs" / "authoring.md").read_text(encoding="utf-8")
ENGINES = ("argo", "airflow", "kfp", "tekton")
TABLE = {
    cells[0]: cells[1:]
    for line in PAGE.splitlines()
    if len(cells := line.strip("| ").split(" | ")) == 5 and cells[0] != "---"
}


def test_the_example_and_what_it_prints_are_those_of_the_listing() -> None:
    assert (FOLDER / "coin_flip.py").read_text(encoding="utf-8") == re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[
        0
    ]
    assert golden("coin_flip", "argo").read_text(encoding="utf-8").strip() in PAGE


@pytest.mark.parametrize("row", ROWS)
def test_an_engine_carries_a_row_or_refuses_it_as_the_table_says(row: str, caplog: pytest.LogCaptureFixture) -> None:
    for engine, cell in zip(ENGINES, TABLE[row], strict=True):
        caplog.clear()
        if cell in ("yes", "left out"):
            assert written(row).to(engine)
            assert bool(caplog.records) is (cell == "left out")
            continue
        with pytest.raises(Unsupported) as caught:
            written(row).to(engine)
        assert (caught.value.engine, cell) == (engine, "refused")
        assert all((caught.value.step, caught.value.message, caught.value.hint))


def test_the_table_has_these_rows_and_no_others() -> None:
    assert list(TABLE) == list(ROWS)


def test_every_name_of_the_interface_is_told() -> None:
    untold = {"AuthoredWorkflow", "Returned", "RunValue", "Secret"}  # types of what calls return
    names = [name for name in couler.__all__ if name not in untold]
    assert [name for name in names if name not in PAGE] == []
