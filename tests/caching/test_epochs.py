"""Points in time as options: seconds or dates, and the periods that they are in."""

from __future__ import annotations

import pytest

from couler_plugins.caching.optimizer import Epoch
from couler_plugins.options.fields import texts_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("1764115200", 1_764_115_200),
        ("2025-11-26", 1_764_115_200),
        ("2025-11-26T01:00", 1_764_118_800),
        ("2025-11-26T01:00+01:00", 1_764_115_200),
        ("1969-12-31", -86_400),
    ],
)
def test_a_date_is_that_of_utc(text: str, seconds: int) -> None:
    epoch = Epoch.parse(text)
    assert epoch == seconds
    assert epoch.period(86_400) == seconds // 86_400
    if seconds >= 0:
        assert Epoch.parse(*texts_of(epoch)) == epoch


@pytest.mark.parametrize("text", ["", "soon", "-1", "1e9", "١٢", "2026-02-30"])  # Arabic digits
def test_what_is_no_point_in_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither a date"):
        Epoch.parse(text)
