"""Golden pairs: `tests/fixtures/<pass>/<case>.in.yaml` becomes `.out.yaml`; where there is no such file, it stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizers.running import optimized
from support import ROOT

CASES = sorted(path for name in ("dedupe", "prune") for path in (ROOT / "tests/fixtures" / name).glob("*.in.yaml"))


@pytest.mark.parametrize("path", [pytest.param(path, id=f"{path.parent.name}/{path.name[:-8]}") for path in CASES])
def test_golden(path: Path) -> None:
    expected = path.with_name(path.name.replace(".in.", ".out."))
    text, decisions = optimized(path.parent.name, path)
    assert text == (expected if expected.exists() else path).read_text()
    assert bool(decisions) is expected.exists()
