"""Rows of prices in the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from couler_plugins.errors import InvalidInput
from couler_plugins.options.config import load_config
from couler_plugins.options.prices import Price

SPOT = """\
[[prices]]
pool = "spot"
node-selector = ["cloud.google.com/gke-spot=true"]
core-hour = 0.01
gib-hour = 0.001

[[prices]]
pool = "gpu"
node = ["gpu-*", "*-a100"]
core-hour = 0.04
gib-hour = 0.005
gpu-hour = 2

[[prices]]
core-hour = 0.03
gib-hour = 0.004
grams-per-kwh = 387
"""


def prices(folder: Path, text: str) -> tuple[Price, ...]:
    (folder / "couler.toml").write_text(text)
    return load_config(start=folder, environ={}).prices


def test_without_rows_there_are_no_prices(tmp_path: Path) -> None:
    assert prices(tmp_path, "pipeline = 'dedupe'\n") == ()


def test_rows_are_read_in_their_order(tmp_path: Path) -> None:
    spot, gpu, usual = prices(tmp_path, SPOT)
    assert (spot.pool, spot.core_hour, spot.gib_hour, spot.gpu_hour, spot.grams_per_kwh) == (
        "spot",
        0.01,
        0.001,
        None,
        None,
    )
    assert (gpu.node, gpu.gpu_hour) == (("gpu-*", "*-a100"), 2.0)
    assert (usual.pool, usual.currency, usual.pue, usual.grams_per_kwh) == ("default", "USD", 1.135, 387.0)


def test_they_may_be_in_a_pyproject_beside_other_settings(tmp_path: Path) -> None:
    text = "[tool.couler]\npipeline = 'dedupe'\n[[tool.couler.prices]]\ncore-hour = 1\ngib-hour = 0\ncurrency = 'EUR'\n"
    (tmp_path / "pyproject.toml").write_text(text)
    config = load_config(start=tmp_path, environ={})
    assert (config.pipeline, [price.currency for price in config.prices]) == ("dedupe", ["EUR"])


def test_a_step_belongs_to_the_first_row_that_fits(tmp_path: Path) -> None:
    rows = prices(tmp_path, SPOT)

    def pool(selector: dict[str, str], *nodes: str) -> str:
        return next(row.pool for row in rows if row.fits(selector, nodes))

    assert pool({"cloud.google.com/gke-spot": "true"}, "gpu-1") == "spot"
    assert pool({"cloud.google.com/gke-spot": "false"}) == "default"
    assert pool({}, "cpu-1", "gpu-1") == "gpu"
    assert pool({}, "gpu-1", "cpu-1") == "default"  # it ran on the latter last
    assert pool({}) == "default"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("prices = 'opencost'\n", "'prices' are no rows", "couler prices"),
        ("[prices]\ncore-hour = 1\n", "'prices' are no rows", "[[prices]]"),
        ("[[prices]]\ncore-hours = 1\ngib-hour = 1\n", "row 1 has no option 'core-hours'", "did you mean 'core-hour'?"),
        ("[[prices]]\ncore-hour = 1\n", "core-hour and gib-hour belong together", "docs/cost.md"),
        ("[[prices]]\ncore-hour = -1\ngib-hour = 1\n", "'core-hour' is -1, and has to be from 0", "docs/cost.md"),
        ("[[prices]]\ncore-hour = nan\ngib-hour = 1\n", "'nan' is not a number", "write a number"),
        ("[[prices]]\ncore-hour = inf\ngib-hour = 1\n", "'core-hour' is inf", "docs/cost.md"),
        ("[[prices]]\ncore-hour = true\ngib-hour = 1\n", "'true' is not a number", "write a number"),
        ("[[prices]]\ncore-hour = 'cheap'\ngib-hour = 1\n", "'cheap' is not a number", "write a number"),
        (
            "[[prices]]\ncore-hour = {a = 1}\ngib-hour = 1\n",
            "is not a number",
            "write a number",
        ),
        (
            '[[prices]]\ncurrency = "x\\n---"\ncore-hour = 1\ngib-hour = 1\n',
            "pool or currency has characters that cannot be shown",
            "docs/cost.md",
        ),
        ("[[prices]]\npool = 'a'\n", "neither prices (core-hour and gib-hour) nor grams-per-kwh", "docs/cost.md"),
        ("[[prices]]\nnode-selector = ['spot']\ngrams-per-kwh = 1\n", "node-selector has 'spot'", "docs/cost.md"),
        (SPOT + "[[prices]]\ngrams-per-kwh = 1\n", "row 4: no step can belong to it", "last"),
        (
            SPOT + "[[prices]]\ncurrency = 'EUR'\ngrams-per-kwh = 1\n",
            "row 4: it is in EUR, and the first row in USD",
            "one",
        ),
    ],
)
def test_what_is_wrong_in_a_row_is_said_with_the_file_and_a_remedy(
    tmp_path: Path, text: str, message: str, hint: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        prices(tmp_path, text)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
    assert caught.value.file == str(tmp_path / "couler.toml")
