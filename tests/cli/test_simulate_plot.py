from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from cli.simulations import QUICK, Couler
from support import first_of


@pytest.mark.parametrize("suffix", first_of(["svg", "png"]))
def test_a_picture(simulate: Couler, suffix: str) -> None:
    pytest.importorskip("matplotlib")
    options = ("trace.json", *QUICK, "--policy", "lru", "--policy", "gdsf", "--edits", "uniform", "--edits", "replayed")
    assert simulate(*options, "--plot", f"a.{suffix}").exit_code == 0
    picture = Path(f"a.{suffix}").read_bytes()
    assert simulate(*options, "--plot", f"b.{suffix}").exit_code == 0
    assert Path(f"b.{suffix}").read_bytes() == picture
    if suffix == "png":
        assert picture.startswith(b"\x89PNG")
    else:
        texts = {
            "".join(node.itertext()).strip() for node in ET.fromstring(picture).iter() if node.tag.endswith("text")
        }
        wanted = {"lru", "gdsf", "policy", "size of the cache", "time saved (% of the time without a cache)"}
        assert wanted <= texts


@pytest.mark.parametrize("name", ["no/such/folder.svg", "folder.svg"])
def test_a_picture_that_cannot_be_written(simulate: Couler, name: str) -> None:
    pytest.importorskip("matplotlib")
    Path("folder.svg").mkdir()
    result = simulate("trace.json", *QUICK, "--policy", "lru", "--plot", name)
    assert result.exit_code == 3
    assert f"cannot write {name}" in result.stderr
