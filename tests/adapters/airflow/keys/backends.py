"""XCom backends: a hit hands on what was handed on when it was computed."""

from __future__ import annotations

from typing import Any

from adapters.airflow.keys.case import HIT, SAFE, VALUES, Case, Run, tasks

__all__ = ["CASES"]

PICKLING = """
import base64, pickle
from airflow.sdk.bases.xcom import BaseXCom
class Backend(BaseXCom):
    @staticmethod
    def serialize_value(value, **named):
        return base64.b64encode(pickle.dumps(value)).decode()
    @staticmethod
    def deserialize_value(result):
        return pickle.loads(base64.b64decode(result.value)) if isinstance(result.value, str) else result.value
"""
TO_FILES = """
import json, pathlib, uuid
from airflow.sdk.bases.xcom import BaseXCom
FOLDER = pathlib.Path("@BASE@/xcoms")
class Backend(BaseXCom):
    @staticmethod
    def serialize_value(value, **named):
        FOLDER.mkdir(exist_ok=True)
        path = FOLDER / uuid.uuid4().hex
        path.write_text(json.dumps(value))
        return BaseXCom.serialize_value(value)
    @staticmethod
    def deserialize_value(result):
        return BaseXCom.deserialize_value(result)
"""
ROUNDING = """
from airflow.sdk.bases.xcom import BaseXCom
class Backend(BaseXCom):
    @staticmethod
    def serialize_value(value, **named):
        return BaseXCom.serialize_value(round(value, 1) if isinstance(value, float) else value)
    @staticmethod
    def deserialize_value(result):
        return BaseXCom.deserialize_value(result)
"""
USED = Run(env={"AIRFLOW__CORE__XCOM_BACKEND": "xb.Backend"})


def kept(name: str, value: str, backend: str = PICKLING, top: str = "", **case: Any) -> Case:
    """Return a case of a value that a task hands to one which is not cached and says what it got."""
    text = f"""{top}
with DAG("d", schedule=None, tags=["couler-cache"]):
    @task
    def up():
        return {value}
    @never
    @task
    def down(m):
        return repr(m)
    down(up())
"""
    return tasks(name, text, files={"xb.py": backend}, **{"first": USED, "expect": SAFE, "layer": VALUES, **case})


CASES: tuple[Case, ...] = (
    kept("backend-integer-keys", "{1: 'a'}", worst=True),
    kept("backend-tuple-keys", "{(1, 2): 'a'}"),
    kept("backend-tuple", "(1, (2,))"),
    kept("backend-set-in-a-list", "[{1}]"),
    kept("backend-ordered-dict", "collections.OrderedDict(a=1)", top="import collections"),
    kept("backend-default-dict", "collections.defaultdict(int, a=1)", top="import collections"),
    kept("backend-bytes", "b'ab'"),
    kept("backend-range", "range(3)"),
    kept("backend-complex", "1 + 2j"),
    kept("backend-shared-list", "[L, L]", top="L = [1]"),
    kept("backend-text", "'a'", expect=HIT, tasks=("up",)),
    kept("backend-rounds", "0.123", ROUNDING),
    kept("backend-in-files", "{'a': [1, 2]}", TO_FILES, expect=HIT, tasks=("up",)),
    kept("backend-of-airflow-integer-keys", "{1: 'a'}", first=Run()),
    kept("backend-of-airflow-tuple-in-dict", "{'a': (1, 2)}", first=Run()),
    kept("backend-of-airflow-set", "{1, 2}", first=Run()),
    kept("backend-of-airflow-bool-key", "{True: 1}", first=Run()),
    kept("backend-of-airflow-lone-surrogate", r"'\ud800'.encode('utf-8', 'surrogatepass').hex()", first=Run()),
    tasks(
        "backend-changes",
        """
        with DAG("d", schedule=None, tags=["couler-cache"]):
            @task
            def up(): return 0.125
            @never
            @task
            def down(m): return repr(m)
            down(up())
        """,
        files={"xb.py": ROUNDING},
        first=Run(),
        second=USED,
        layer=VALUES,
    ),
)
