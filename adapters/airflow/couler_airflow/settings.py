"""The settings: the section `[couler]` of Airflow's configuration, or `AIRFLOW__COULER__CACHE_STORE` and the like.

`provider_info` declares them to Airflow, so that `airflow config list` shows them. They are read when a DAG is parsed
and when a task runs, never when this is imported.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from fnmatch import fnmatchcase
from typing import Any

from couler_plugins.errors import InvalidInput
from couler_plugins.options.config import Limit
from couler_plugins.options.fields import parse, texts_of

SECTION = "couler"
DECLARATIONS = "AIRFLOW__COULER__DECLARATIONS"
WHOLE = "couler_whole"
"""The attribute in which a part has the id of the DAG that was split."""
NO_SAY = Limit("")


def _option(default: Any, about: str, *, example: str = "", secret: bool = False) -> Any:
    return dataclasses.field(default=default, metadata={"about": about, "example": example, "secret": secret})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an Airflow installation wants of the cache; each field's `about` says what it is."""

    enabled: bool = _option(True, "Whether anything is done at all; with False no DAG and no task is touched.")
    cache_store: str = _option(
        "",
        "Where results are kept: a folder, or a URL that fsspec or a plugin serves. Without one nothing is cached.",
        example="s3://bucket/cache",
        secret=True,
    )
    cache_index: str = _option(
        "",
        "The index of the store: sqlite:///… (one host), postgresql://… (several) or none. "
        "Never Airflow's own metadata database.",
        example="postgresql://user@host/cache",
        secret=True,
    )
    cache_namespace: str = _option("default", "The part of the store that is meant.")
    cache_capacity: Limit = _option(  # noqa: RUF009  # it makes a field, as the others do
        NO_SAY, "The most bytes that the store may hold, or none; empty for what was said last.", example="30GB"
    )
    cache_tag: str = _option("couler-cache", "DAGs with this tag are cached; empty for no tag.")
    cache_dags: tuple[str, ...] = _option((), "DAGs that are cached, by patterns of their ids.", example="etl_*,train")
    cache_operators: tuple[str, ...] = _option(
        (),
        "Operators beside @task and PythonOperator that are pure in DAGs that are cached, by import path.",
        example="my_company.operators.TrainOperator",
    )
    declarations: str = _option(
        "",
        "A couler.toml or pyproject.toml with rows [[cache.declare]] and [[rightsize.declare]] about tasks; an "
        "absolute path that is there on workers and the DAG processor.",
        example="/opt/airflow/couler.toml",
    )
    cache_wait: float = _option(
        60.0,
        "Seconds to wait for another worker that computes the same; tasks with an execution_timeout never wait.",
    )
    cache_timeout: float = _option(30.0, "Seconds that one call of the store may take before a task goes on without.")

    def covers(self, dag: Any) -> bool:
        """Whether a DAG is to be cached: by its tag or by its id, or that of the DAG that it is a part of."""
        tagged = bool(self.cache_tag) and self.cache_tag in dag.tags
        dag_id = getattr(dag, WHOLE, dag.dag_id)
        return tagged or any(fnmatchcase(dag_id, pattern) for pattern in self.cache_dags)


@functools.cache
def option_names() -> dict[str, dataclasses.Field[Any]]:
    """The settings by name."""
    return {field.name: field for field in dataclasses.fields(Settings)}


def is_enabled() -> bool:
    """Whether anything is to be done: asked first, and of every DAG that is parsed."""
    from airflow.configuration import conf

    return bool(conf.getboolean(SECTION, "enabled", fallback=True))


def load_settings(*names: str) -> Settings:
    """The settings that hold.

    Args:
        *names: which are wanted, where not all are: each takes Airflow a while, and every DAG that is parsed asks.

    Raises:
        InvalidInput: one of them is not what its type says.
    """
    from airflow.configuration import conf

    wanted = names or tuple(option_names())
    return _settings_of(wanted, tuple(conf.get(SECTION, name, fallback=None) for name in wanted))


@functools.lru_cache(maxsize=8)
def _settings_of(names: tuple[str, ...], texts: tuple[str | None, ...]) -> Settings:
    """The settings that texts say."""
    hints = typing.get_type_hints(Settings)
    values = {}
    for name, text in zip(names, texts, strict=True):
        field = option_names()[name]
        if text is None:
            continue
        is_list = isinstance(field.default, tuple)
        parts = tuple(part.strip() for part in text.split(",") if part.strip()) if is_list else (text.strip(),)
        try:
            values[name] = parse(parts, hints[name])
        except ValueError as error:
            hint = (
                f"set AIRFLOW__{SECTION.upper()}__{name.upper()}; the default is {','.join(texts_of(field.default))!r}"
            )
            raise InvalidInput(f"[{SECTION}] {name}: {error}", engine="airflow", hint=hint) from None
    return Settings(**values)
