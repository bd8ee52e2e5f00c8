"""What docs/metrics.md shows and lists is what `couler metrics` exports."""

from __future__ import annotations

import re

from cli.conftest import Couler
from couler_plugins.monitoring.metrics import METRICS
from monitoring.replay import argo_list, argo_runs
from support import ROOT

PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")


def test_the_page_shows_what_is_printed(couler_command: Couler) -> None:
    command, output = PAGE.split("```console\n$ couler ")[1].split("```")[0].split("\n", 1)
    call, pattern = command.removesuffix("'").split(" | grep -E '")
    fetched = couler_command("history", "fetch", "--from", "-", "-o", "history.jsonl", stdin=argo_list(*argo_runs(100)))
    assert fetched.exit_code == 0, fetched.output
    lines = couler_command(*call.split()).stdout.splitlines(keepends=True)
    assert output == "".join(line for line in lines if re.search(pattern, line))


def test_the_page_lists_each_metric_with_its_labels() -> None:
    rows = re.findall(r"^\| (`couler_[^|]*) \| (\w+) \| ([^|]*)\|", PAGE, re.MULTILINE)
    listed = {
        name: (kind, tuple(re.findall("`([a-z]+)`", labels)))
        for names, kind, labels in rows
        for name in re.findall("`([a-z_]+)`", names)
    }
    assert listed.pop("couler_build_info") == ("info", ("version",))
    assert listed == {
        name: ("histogram" if row.buckets else "counter" if name.endswith("_total") else "gauge", row.labels)
        for name, row in METRICS.items()
    }


def test_a_workflow_has_about_as_many_series_as_the_page_says(couler_command: Couler) -> None:
    text = couler_command("metrics", "--history", "-", stdin=argo_list(*argo_runs(100))).stdout
    count = sum('workflow="churn"' in line for line in text.splitlines())
    (said,) = re.findall(r"A workflow has about (\d+) series", PAGE)
    assert abs(count - int(said)) <= 5, count
