"""DAG files import what is in the folder of the DAGs, or beside them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from couler_airflow.documents import load_dags
from couler_plugins.documents import read
from couler_plugins.errors import CoulerError

pytestmark = pytest.mark.airflow
DAG = """
from airflow.sdk import DAG
import {module}
with DAG({module}.NAME, schedule=None):
    pass
"""


@pytest.mark.parametrize(("inner", "module"), [("", "imported_beside"), ("team", "imported_from_the_root")])
def test_a_dag_file_imports_from_its_folder(
    inner: str, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if inner:
        monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(tmp_path))
    (tmp_path / f"{module}.py").write_text(f"NAME = {module!r}\n")
    file = tmp_path / inner / "a_dag.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(DAG.format(module=module))
    dags = load_dags(read(file.read_bytes(), str(file)))
    assert not isinstance(dags, CoulerError), dags
    assert [dag.dag_id for dag in dags] == [module]
    assert str(file.parent) not in sys.path
