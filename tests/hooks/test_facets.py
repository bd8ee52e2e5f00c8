"""What an adapter may leave out is documented with the hook that adapters come from."""

from __future__ import annotations

import inspect
import re

from couler_plugins.hookspecs import Adapter
from support import ROOT

PAGE = (ROOT / "docs" / "plugins" / "hooks.md").read_text()


def test_the_lint_facet_is_documented_as_it_is() -> None:
    section = re.search(r"^## `couler_adapters\(.*?(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
    assert section is not None
    facets = (
        Adapter.footprint,
        Adapter.lint,
        Adapter.cache,
        Adapter.tuning,
        Adapter.evictor,
        Adapter.runner,
        Adapter.archive,
    )
    for facet in facets:
        _, *parameters = inspect.signature(facet).parameters
        assert f"`{facet.__name__}({', '.join(parameters)})`" in section[0]
