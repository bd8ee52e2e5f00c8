"""What the benchmark of short steps runs on a cluster, which is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from benchmarks import live
from cluster.cluster import Cluster
from couler_plugins import Text, optimize

FORMS = {
    "fuse_script": "as one script",
    "fuse_set": "as a container set",
    "fuse_tekton": "as steps of one Task",
    "parallelize": "let steps wait for steps, not for stages",
}


@pytest.mark.parametrize("name", live.CASES)
def test_its_workflows_become_what_is_measured(name: str) -> None:
    case = live.CASES[name]
    actions = [item.action for item in optimize(Text(yaml.safe_dump(case.document)), case.pipeline).files[0].decisions]
    assert any(FORMS[name] in action for action in actions), actions


def test_it_needs_a_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Cluster, "is_up", False)
    monkeypatch.setattr("sys.argv", ["live", "--json", str(tmp_path / "figures.json")])
    with pytest.raises(SystemExit, match=r"dev\.py cluster up"):
        live.main()
