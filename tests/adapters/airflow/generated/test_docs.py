"""The example in docs/airflow.md is what the command prints."""

from __future__ import annotations

import re

from couler_plugins import Text, convert
from support import ROOT


def test_the_page_shows_what_is_printed() -> None:
    page = (ROOT / "docs" / "airflow.md").read_text("utf-8")
    section = page.split("## Conversion")[1]
    (manifest,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    (source,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    made = convert(Text(manifest, "forecast.yaml"), "airflow").text
    shown = re.sub(r"COLLECT = \(\n.*?\n\)\n", "COLLECT = …\n", made, flags=re.DOTALL)
    assert shown == source
