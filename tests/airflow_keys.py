"""A DAG file with one task, in which places can be filled in, and the key of that task."""

from __future__ import annotations

from typing import Any

from airflow_dags import DagFiles, FakeInstance, context_of, rendered

__all__ = ["FILE", "HELPERS", "changed", "dag_of", "key"]

FILE = '''
import math
import os
import time
import random
import logging
import datetime as dt
import functools
from datetime import datetime
from os import listdir
import helpers
from helpers import clean
log = logging.getLogger(__name__)
LIMIT = 3
TABLE = {"a": 1, "b": (2, 3)}

def helper(x, y=1):
    return x * LIMIT + y

def counted(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        log.info("called")
        return function(*args, **kwargs)
    return wrapper

class Model:
    """Doc."""
    size = 4
    def __init__(self, rate):
        self.rate = rate
    def fit(self, x):
        return x * self.rate

MODEL = Model(2)

def other(x):
    return x

with DAG("d", schedule=None) as dag:
    @task(DECORATOR)
    def work(ARGUMENTS):
        BODY
    work(CALL)
'''
HELPERS = """
import deep
FACTOR = 2
def clean(x):
    return x * FACTOR
def unused():
    return 1
"""
PLACES = {"DECORATOR": "", "ARGUMENTS": "x", "BODY": "return helper(x)", "CALL": "5"}


def dag_of(files: DagFiles, text: str = FILE, helpers: str = HELPERS, deep: str = "D = 1\n", **places: str) -> Any:
    for place, value in {**PLACES, **places}.items():
        text = text.replace(place, value)
    files.write("helpers.py", helpers)
    files.write("deep.py", deep)
    return files.dag(text)


def key(dag: Any, before: tuple[str, ...] = (), run: dict[str, Any] | None = None, **said: Any) -> str:
    from couler_airflow.cache.key import TaskMaterial
    from couler_airflow.marks import Declaration

    (task,) = dag.task_dict.values()
    copy = rendered(task)
    context = context_of(FakeInstance(copy), **(run or {}))
    return TaskMaterial(copy, Declaration(**said)).key(context, lambda: before).key


def changed(files: DagFiles, changes: dict[str, str]) -> Any:
    text = FILE
    places = {name: value for name, value in changes.items() if name in PLACES or name in ("helpers", "deep")}
    for old, new in changes.items():
        if old not in places:
            assert old in text
            text = text.replace(old, new)
    return dag_of(files, text, **places)
