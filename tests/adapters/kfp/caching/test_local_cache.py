"""What the local runner's own cache makes of pipelines after `cache`: what is on is not computed again, the rest is."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.kfp.caching.executing import QUIET, compiled, run
from adapters.kfp.caching.pipelines import chain
from couler_kfp.marks import pure
from couler_plugins.api import optimize

pytestmark = QUIET
ALL = ["comp-add", "comp-double", "comp-flip", "comp-say", "comp-write"]


@pytest.fixture
def text(tmp_path: Path) -> str:
    pytest.importorskip("kfp", reason="needs kfp")
    return compiled(chain(pure), tmp_path).read_text("utf-8")


def cached(text: str, tmp_path: Path, options: str) -> str:
    path = tmp_path / "source.yaml"
    path.write_text(text, "utf-8")
    (file,) = optimize(str(path), options).files
    assert file.error is None
    assert file.text is not None
    return file.text


def test_what_is_on_is_not_computed_again_and_what_is_off_is(text: str, tmp_path: Path) -> None:
    salted = cached(text, tmp_path, "cache{strict=true}")
    assert salted.count("couler-salt:") == 6
    plain, executed = run(text, tmp_path / "plain")
    assert executed == ALL
    first, executed = run(salted, tmp_path / "salted", caching=True)
    assert (first, executed) == (plain, ALL) == ({"Output": 13}, ALL)
    second, executed = run(salted, tmp_path / "salted", caching=True)
    assert (second, executed) == (first, ["comp-flip", "comp-say"])
    other, executed = run(salted, tmp_path / "salted", caching=True, count=4)
    assert (other, executed) == ({"Output": 14}, ["comp-add", "comp-flip", "comp-say"])


def test_without_us_the_coin_falls_once(text: str, tmp_path: Path) -> None:
    """What KFP does by default: the test above would show nothing if this failed."""
    run(text, tmp_path / "plain", caching=True)
    assert run(text, tmp_path / "plain", caching=True)[1] == []
