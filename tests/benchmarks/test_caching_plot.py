"""The picture of the benchmark of caching."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.caching_figures import Interval
from benchmarks.caching_plot import draw

CAPTURE = {"lru": Interval(40, 30, 50), "scr": Interval(80, 75, 84)}


@pytest.mark.slow
def test_the_same_figures_give_the_same_picture_which_names_every_policy(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    texts = []
    for name in ("one.svg", "two.svg"):
        draw(tmp_path / name, CAPTURE, {}, {"lru": [3.0, 60.0], "scr": [0.0, 2.0]}, "two traces")
        texts.append((tmp_path / name).read_text())
    assert texts[0] == texts[1]
    assert all(f"<!-- {label} -->" in texts[0] for label in ("lru", "scr", "80.0", "31.5", "two traces"))


@pytest.mark.slow
def test_a_picture_without_a_stream_for_regret_is_drawn_all_the_same(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    draw(tmp_path / "some.png", CAPTURE, {}, {}, "no trace is small enough")
    assert (tmp_path / "some.png").read_bytes().startswith(b"\x89PNG")
