"""The benchmark of wrapped steps measures steps that are wrapped, and says what it needs."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from benchmarks import wrapper_start
from cluster.cluster import Cluster
from couler_plugins import optimize
from couler_plugins.api import Text


@pytest.mark.parametrize("document", [wrapper_start.argo(), wrapper_start.tekton()], ids=["argo", "tekton"])
def test_its_steps_can_be_wrapped(document: wrapper_start.Document) -> None:
    result = optimize(Text(yaml.safe_dump(document)), "cache{via=wrapper,store=s3://bucket/cache,image=couler:1}")
    assert "couler-restore" in result.text
    assert "couler-save" in result.text


def test_without_a_cluster_it_says_how_to_start_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Cluster, "is_up", property(lambda _: False))
    monkeypatch.setattr("sys.argv", ["wrapper_start", "--json", str(tmp_path / "figures.json")])
    with pytest.raises(SystemExit, match=r"python3 dev.py cluster up"):
        wrapper_start.main()
