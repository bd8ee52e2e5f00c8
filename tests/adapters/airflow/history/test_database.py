"""Airflow's database, where it is not as it should be; `test_live.py` reads one that is."""

from __future__ import annotations

import pytest

from couler_airflow.archive import DATABASE, AirflowArchive
from couler_plugins.errors import EngineError
from couler_plugins.hookspecs.past_runs import ArchiveSource, Wanted

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize("kind", ["OperationalError", "OSError", "AttributeError", "ImportError"])
def test_a_database_that_cannot_be_read_is_an_error_without_its_address(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    failures = {
        "OperationalError": OperationalError("SELECT 1", {}, Exception("postgresql://ann:hunter2@there")),
        "OSError": OSError("hunter2"),
        "AttributeError": AttributeError("hunter2"),  # a model of an Airflow that we do not know
        "ImportError": ImportError("hunter2"),
    }

    def fail() -> None:
        raise failures[kind]

    monkeypatch.setattr("airflow.utils.session.create_session", fail)
    with pytest.raises(EngineError, match=f"cannot be read: {kind}") as caught:
        list(AirflowArchive(ArchiveSource(place=DATABASE, max_bytes=1)).fetch(Wanted(workflows=("train",))))
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert "--from https://" in str(caught.value.hint)
