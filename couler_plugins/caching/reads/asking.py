"""Asking: clocks and chance that libraries ask for, with nothing in the code of the task that says so.

What is called by a name in that code is told from the name. Here is what is called behind it: `time.time`,
`os.urandom`, a seed of None, and generators that all code shares. C code that asks the system itself is not seen.
"""

from __future__ import annotations

import functools
import random
import sys
from types import FrameType
from typing import Any, Final

from couler_plugins.caching.reads import callers
from couler_plugins.caching.reads.seeding import is_seeding

PASSED: Final = frozenset({"random", "secrets", "uuid", "uuid6", "numpy"})
"""What hands on what it draws: its own caller counts."""

SPEAKING: Final = frozenset({"logging", "structlog", "warnings", "tqdm", "rich", "opentelemetry"})
"""What is done below these is said, and no result."""

CONNECTING: Final = frozenset(
    (
        *("aiobotocore", "aiohttp", "airflow", "anthropic", "anyio", "asyncio", "asyncpg", "azure", "boto3"),
        *("botocore", "confluent_kafka", "couler_airflow", "docker", "elasticsearch", "fsspec", "gcsfs"),
        *("google", "grpc", "http.client", "http.cookiejar", "httpcore", "httpx", "joblib", "kafka"),
        *("kubernetes", "kubernetes_asyncio", "multiprocessing", "mysql", "openai", "paramiko", "psycopg"),
        *("psycopg2", "pyathena", "pymongo", "pymysql", "redis", "redshift_connector", "requests"),
        *(
            "requests_toolbelt",
            "s3fs",
            "s3transfer",
            "selenium",
            "sklearn.callback",
            "smart_open",
            "snowflake",
            "socketserver",
        ),
        *("sqlalchemy", "ssl", "tempfile", "trio", "urllib", "urllib3", "websocket", "websockets", "wsproto"),
    )
)
"""What draws for the names of things that pass, and asks for the time to end; the network is told as such."""

MEASURING: Final = CONNECTING.union(
    (
        *("_pytest", "cachetools", "cgitb", "click", "cloudpickle", "concurrent", "dask", "distributed"),
        *("dns", "hypothesis", "keras", "lightgbm", "numba", "optuna", "pandas", "polars", "psutil", "py4j"),
        *("pyspark", "queue", "sched", "scipy", "selectors", "sklearn", "socket", "sqlite3", "statsmodels"),
        *("subprocess", "tenacity", "tensorflow", "threading", "timeit", "torch", "xgboost"),
    )
)
"""What asks for the time to measure, or to end, and tells no result of it."""


is_library = functools.lru_cache(1 << 12)(callers.is_library)  # code may look at the clock again and again


def clock_of(frame: FrameType, *args: Any) -> str:
    """Return which library asks for the time; empty where it is no matter, or the code of the task has it by name."""
    return _asker(frame, MEASURING) if is_library(frame.f_code.co_filename) else ""


def moment_of(frame: FrameType, *args: Any) -> str:
    """Return which library makes a date of the time that it is, as functions of `time` do that get no other."""
    is_given = any(not isinstance(item, str) and item is not None for item in args)
    return "" if is_given else clock_of(frame)


def pendulum_of(frame: FrameType, *args: Any) -> str:
    """Return what of Pendulum asks for the time; where a text has a whole date, it makes nothing of it."""
    if frame.f_code.co_name == "now" and frame.f_back is not None:
        frame = frame.f_back
    text = str(frame.f_locals.get("fmt", ""))
    is_whole = frame.f_code.co_name == "from_format" and ("X" in text.upper() or {*"YMD"} <= {*text})
    return "" if is_whole else clock_of(frame)


def chance_of(frame: FrameType, *args: Any) -> str:
    """Return what draws by chance, be it the task; empty where it is no matter."""
    asker = _asker(frame, CONNECTING)
    return "" if asker and "numpy" in sys.modules and is_seeding(_outer(frame)) else asker


def seed_of(frame: FrameType, seed: Any = None, *args: Any) -> str:
    """Return what has a generator seeded by chance; empty where a seed is given."""
    return chance_of(frame) if seed is None else ""


def _outer(frame: FrameType) -> FrameType:
    """The frame of what has something drawn."""
    while frame.f_back is not None and _module(frame).partition(".")[0] in PASSED:
        frame = frame.f_back
    return frame


def _asker(frame: FrameType, exempt: frozenset[str]) -> str:
    inner, frame = frame, _outer(frame)
    name = _module(inner).partition(".")[0] if inner is not frame else "random"
    if is_library(frame.f_code.co_filename):
        module = _module(frame)
        top, *rest = module.split(".")
        if top in exempt or ".".join([top, *rest[:1]]) in exempt:
            return ""
        name = top
    outer: FrameType | None = frame
    while outer is not None:
        if _module(outer).partition(".")[0] in SPEAKING:
            return ""
        outer = outer.f_back
    return name


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


class Generators:
    """The generators that all code shares, as they were before it ran: none may go on from there unseeded."""

    def __init__(self) -> None:
        self._python = random.getstate()
        self._numpy = _numpy_state()
        self._seeded: set[str] = set()
        self._drawn: set[str] = set()

    def seed(self) -> None:
        """Note that Python's is about to get a seed."""
        if "random" not in self._seeded and random.getstate() != self._python:
            self._drawn.add("random")
        self._seeded.add("random")

    def seed_numpy(self) -> None:
        """Note that NumPy's is about to get a seed."""
        self._seeded.add("numpy.random")

    def drawn(self) -> list[str]:
        """Return the names of those that were drawn from before somebody seeded them."""
        if "random" not in self._seeded and random.getstate() != self._python:
            self._drawn.add("random")
        before, now = self._numpy, _numpy_state()
        if now is not None and "numpy.random" not in self._seeded:
            # A seed that is given, and nothing else, takes its sequence away.
            fresh = before or (now[0], sys.modules["numpy.random"].RandomState().get_state(legacy=False))
            moved = _position(now[1]) != _position(fresh[1]) if before is None else not _equal(now[1], fresh[1])
            if moved and now[0] is fresh[0] and (before is not None or now[0] is not None):
                self._drawn.add("numpy.random")
        return sorted(self._drawn)


def _numpy_state() -> tuple[Any, Any] | None:
    """What NumPy's generator was seeded with, and its state."""
    generator = getattr(sys.modules.get("numpy.random.mtrand"), "_rand", None)
    try:
        return None if generator is None else (generator._bit_generator._seed_seq, generator.get_state(legacy=False))
    except AttributeError:
        return None


def _position(state: Any) -> tuple[Any, ...]:
    return state["state"].get("pos"), state.get("has_gauss")


def _equal(one: Any, other: Any) -> bool:
    return (
        _position(one) == _position(other)
        and one["state"].get("key") is not None
        and bool((one["state"]["key"] == other["state"]["key"]).all())
    )
