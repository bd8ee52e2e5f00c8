"""Operators of providers, run: what they take of the run and of themselves is what their keys have."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.airflow.running import run
from couler_airflow.cache.key import LEFT_OUT, key_of_class
from servers.s3 import KEY, SECRET, s3_server

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

SQL: dict[str, dict[str, Any]] = {
    "SQLExecuteQueryOperator": {"sql": "select n from t"},
    "SQLCheckOperator": {"sql": "select count(*) from t"},
    "SQLValueCheckOperator": {"sql": "select n from t", "pass_value": 3},
    "SQLThresholdCheckOperator": {"sql": "select n from t", "min_threshold": 1, "max_threshold": 5},
    "SQLColumnCheckOperator": {"table": "t", "column_mapping": {"n": {"min": {"geq_to": 0}}}},
    "SQLTableCheckOperator": {"table": "t", "checks": {"rows": {"check_statement": "count(*) > 0"}}},
}
S3: dict[str, dict[str, Any]] = {
    "S3CreateBucketOperator": {"bucket_name": "bucket"},
    "S3CreateObjectOperator": {"s3_bucket": "bucket", "s3_key": "a/x", "data": "1"},
    "S3ListOperator": {"bucket": "bucket"},
    "S3ListPrefixesOperator": {"bucket": "bucket", "prefix": "a", "delimiter": "/"},
    "S3CopyObjectOperator": {"source_bucket_key": "s3://bucket/a/x", "dest_bucket_key": "s3://bucket/a/y"},
    "S3PutBucketTaggingOperator": {"bucket_name": "bucket", "key": "k", "value": "v"},
    "S3GetBucketTaggingOperator": {"bucket_name": "bucket"},
    "S3ReadObjectOperator": {"s3_bucket": "bucket", "s3_key": "a/x"},
    "S3FileTransformOperator": {
        "source_s3_key": "s3://bucket/a/x",
        "dest_s3_key": "s3://bucket/a/z",
        "transform_script": "/bin/cp",
    },
    "S3DeleteBucketTaggingOperator": {"bucket_name": "bucket"},
    "S3DeleteObjectsOperator": {"bucket": "bucket", "keys": ["a/x", "a/y", "a/z"]},
    "S3DeleteBucketOperator": {"bucket_name": "bucket"},
}
TAKEN = {"ti", "task_instance"}
"""What may be taken to push an XCom by."""


class Watched(dict[str, Any]):
    """The context of a run, which notes what is taken of it by name; `*` for all of it."""

    taken: set[str]

    def __getitem__(self, name: str) -> Any:
        self.taken.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.taken.add(name)
        return super().get(name, default)

    def __iter__(self) -> Iterator[str]:
        self.taken.add("*")
        return super().__iter__()

    def items(self) -> Any:
        self.taken.add("*")
        return super().items()

    keys = copy = values = items


class Watch:
    """What operators take while they run: of the run, and of themselves in code of a provider."""

    def __init__(self) -> None:
        self.context: dict[str, set[str]] = defaultdict(set)
        self.own: dict[str, set[str]] = defaultdict(set)
        self._running = ""

    def around(self, name: str, execute: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, context: Any) -> Any:
            seen = Watched(context)
            seen.taken, self._running = self.context[name], name
            try:
                return execute(context["ti"].task, *arguments, context=seen)
            finally:
                self._running = ""

        return watched

    def attributes(self) -> Callable[[Any, str], Any]:
        def watched(operator: Any, name: str) -> Any:
            if self._running and "/airflow/providers/" in sys._getframe(1).f_code.co_filename:
                self.own[self._running].add(name)
            return object.__getattribute__(operator, name)

        return watched


@pytest.fixture
def aws() -> Iterator[str]:
    with s3_server() as endpoint:
        extra = {"endpoint_url": endpoint, "region_name": "us-east-1"}
        yield json.dumps({"conn_type": "aws", "login": KEY, "password": SECRET, "extra": extra})


def test_operators_take_what_their_keys_have(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlite3

    from airflow.sdk import DAG, BaseOperator, chain

    with sqlite3.connect(tmp_path / "t.db") as database:
        database.executescript("create table t(n); insert into t values(3)")
    (tmp_path / "from.txt").write_text("1")
    monkeypatch.setenv("AIRFLOW_CONN_DB", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "t.db")}))
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", aws)
    copied = {"FileTransferOperator": {"src": str(tmp_path / "from.txt"), "dst": str(tmp_path / "to.txt")}}
    groups: dict[str, tuple[dict[str, str], dict[str, dict[str, Any]]]] = {
        "common.sql.operators.sql": ({"conn_id": "db"}, SQL),
        "common.io.operators.file_transfer": ({}, copied),
        "amazon.aws.operators.s3": ({}, S3),
    }
    watch, classes = Watch(), dict[str, Any]()
    with DAG("watched", schedule=None) as dag:
        for module, (connection, operators) in groups.items():
            found = pytest.importorskip(f"airflow.providers.{module}")
            for name, arguments in operators.items():
                classes[name] = getattr(found, name)
                operator = classes[name](task_id=name, **connection, **arguments)
                object.__setattr__(operator, "execute", watch.around(name, classes[name].execute))
        chain(*dag.tasks)
    monkeypatch.setattr(BaseOperator, "__getattribute__", watch.attributes(), raising=False)
    outcome = run(dag)
    assert {*outcome.states.values()} == {"success"}, outcome.states
    for name, cls in classes.items():
        key = key_of_class(cls)
        assert watch.own[name], f"nothing was seen of {name}"
        assert watch.context[name] - TAKEN <= {*key.context}, name
        assert watch.own[name] & LEFT_OUT <= {*key.own}, name
