"""Options of `cache{…}` that an engine does not take, over our own corpus."""

from __future__ import annotations

import pytest

from couler_plugins.api import optimize
from couler_plugins.errors import Unsupported
from support import own_files


@pytest.mark.parametrize("engine", ["argo", "tekton"])
def test_strict_is_refused_where_the_engine_has_no_switch(engine: str) -> None:
    path = next(path for path in own_files(engine) if optimize(str(path), "cache").files[0].workflows)
    (file,) = optimize(str(path), "cache{strict=false}").files
    assert file.error is None
    with pytest.raises(Unsupported, match=f"option `strict` is not supported by {engine}") as caught:
        optimize(str(path), "cache{strict=true}")
    assert "leave it out" in (caught.value.hint or "")


def test_the_engine_with_switches_takes_it() -> None:
    (file,) = optimize(str(own_files("kfp")[0]), "cache{strict=true}").files
    assert file.error is None
