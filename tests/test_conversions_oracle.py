"""What is written for Tekton is accepted by Tekton's own webhook; tests/oracles/ has the program that asks it."""

from __future__ import annotations

import pytest
import yaml

from conversions import outcomes
from oracles.tekton_oracle import Oracle, build
from support import SHARED

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(not (SHARED / "corpus").is_dir(), reason="needs corpus in the shared folder"),
]


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    return build(tmp_path_factory)


@pytest.mark.parametrize("source", ["argo", "kfp", pytest.param("airflow", marks=pytest.mark.airflow)])
def test_what_is_written_is_accepted(oracle: Oracle, source: str) -> None:
    texts = {item.name: item.text for item in outcomes(source, "tekton") if item.text is not None}
    cases = [("beta", list(yaml.safe_load_all(text))) for text in texts.values()]
    judged = dict(zip(texts, oracle.judge(cases), strict=True))
    assert {name: verdicts for name, verdicts in judged.items() if any(verdicts)} == {}
    assert judged
