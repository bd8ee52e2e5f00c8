"""The same input gives the same bytes, in any process."""

from __future__ import annotations

import pytest

from adapters.subjects import GENERATORS, Subject, each_subject
from couler_plugins.testing.laws import is_deterministic
from support import first_of


@pytest.mark.parametrize("one_of", first_of([12, 1]))
@pytest.mark.parametrize("subject", each_subject(GENERATORS))
def test_the_same_bytes_whatever_the_hash_seed(subject: Subject, one_of: int) -> None:
    is_deterministic(subject, one_of)
