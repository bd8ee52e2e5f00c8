"""The settings: from flags, environment variables and the nearest couler.toml or pyproject.toml, in that order."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from couler_plugins.errors import InvalidInput, closest, restating
from couler_plugins.options.fields import Option, Size, Texts, options_of, parse, texts_of
from couler_plugins.options.prices import Price, prices_in
from couler_plugins.options.rows import Row, rows_in

MAX_BYTES = Size(64 * 1024**2)
NO_LIMIT = "none"
TABLES = {"couler.toml": "", "pyproject.toml": "tool.couler"}
"""The files that settings are in, and the table of ours in each."""
FileSettings = tuple[dict[str, tuple[Texts, str]], dict[str, tuple[Row, ...]], tuple[Price, ...]]
"""What a file says: each setting's texts and origin, by name; the rows about steps; those with prices."""


class Limit(str):
    """The most bytes of something, as text: a size (`30GB`), `none` for any number, or empty where it is not said."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Limit:
        """The limit that a text says.

        Raises:
            ValueError: the text is none of these.
        """
        size = text.strip()
        return cls(size if size in ("", NO_LIMIT) else Size.parse(size))

    @property
    def bytes(self) -> float | None:
        """How many bytes: infinitely many where there is no limit, None where it is not said."""
        if self == NO_LIMIT:
            return math.inf
        return Size.parse(self) if self else None


UNSAID = Limit("")


class Depth(int):
    """A number of folders, from 0 on."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Depth:
        """Return the number that a text says.

        Raises:
            ValueError: it is no whole number, or below 0.
        """
        if not (text.isascii() and text.isdigit()):
            raise ValueError(f"{text!r:.40} is not a whole number from 0 on")
        return cls(text)


NO_DEPTH = Depth(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of one call; their names in files are kebab-case, in the environment `COULER_MAX_BYTES`.

    Attributes:
        pipeline: the optimizers to run where no `-p` says otherwise.
        to: options of the adapters, as in `--to`: `argo{version=4.1}`, several separated by commas.
        history: files, folders and URLs that tell of past runs: histories of `couler history fetch`, workflows with
            their engine's status, traces of WfFormat and Nextflow; paths are relative to the current folder.
        previous: a file that says how workflows were split before, as `--save-plan` writes it.
        max_bytes: the largest file that is read.
        scope_depth: how many folders below the one that is given make a scope, in which names are looked up first and
            may be used once; 0 where scopes are the folders with a kustomization or a chart.
        exclude: patterns of files and folders that are left out where a folder is searched, as in a .gitignore.
        disable_plugins: plugins (or whole distributions) that are not loaded.
        load_plugins: the only plugins (or distributions) that are loaded; None for all, empty for none at all.
        trace_hooks: whether each hook call is printed on stderr.
        color: whether text output is coloured; `auto`: on a terminal.
        log_level: what is said on stderr; `info` also gives tracebacks of plugins that fail.
        cache_store: where `couler cache` keeps results: a folder, or a URL that fsspec understands.
        cache_namespace: the part of the store that is meant.
        cache_index: the index of the store: `sqlite:///…`, `postgresql://…` or `none`; empty for one of a folder's own.
        cache_capacity: the most bytes that the store may hold, or `none`; empty for what was said last.
        rows: what the file says of steps by patterns, `[[cache.declare]]`, by the optimizer that it is for.
        prices: what nodes cost, `[[prices]]`, in the order of the file.
        origins: where each setting that is not a default comes from, by its field's name.
    """

    pipeline: str = "dedupe,cache"
    to: str = ""
    history: tuple[str, ...] = ()
    previous: str = ""
    max_bytes: Size = MAX_BYTES
    scope_depth: Depth = NO_DEPTH
    exclude: tuple[str, ...] = ()
    disable_plugins: tuple[str, ...] = ()
    load_plugins: tuple[str, ...] | None = None
    trace_hooks: bool = False
    color: Literal["auto", "always", "never"] = "auto"
    log_level: Literal["error", "warning", "info", "debug"] = "warning"
    cache_store: str = ""
    cache_namespace: str = "default"
    cache_index: str = ""
    cache_capacity: Limit = UNSAID
    rows: Mapping[str, tuple[Row, ...]] = field(default_factory=dict, metadata={"option": False})
    prices: tuple[Price, ...] = field(default=(), metadata={"option": False})
    origins: dict[str, str] = field(default_factory=dict, compare=False, metadata={"option": False})

    def origin(self, field_name: str) -> str:
        """Where a setting comes from: `flag`, `environment X`, `file:key` or `default`."""
        return self.origins.get(field_name, "default")


def settings() -> dict[str, Option]:
    """The settings by name (`max-bytes`)."""
    return options_of(Config)


def load_config(
    flags: Mapping[str, Any] | None = None,
    *,
    start: Path | None = None,
    environ: Mapping[str, str] | None = None,
    document: Mapping[str, Any] | None = None,
) -> Config:
    """The settings that hold for a call.

    Args:
        flags: values given on the command line, by field name; None values count as not given.
        start: where the search for a file begins (default: the current folder); it goes on in the parents.
        environ: the environment (default: the process's own).
        document: settings of the document that is read, by name; they go before those of a file.

    Raises:
        InvalidInput: a file cannot be read, or a setting is unknown or not what its type says.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}

    def set_from(name: str, texts: Texts, origin: str) -> None:
        option = options[name]
        with restating(ValueError, origin, hint=f"{name} is a {option.type_text}"):
            values[option.field] = parse(texts, option.type)
        origins[option.field] = origin

    options = settings()
    settings_file, rows, prices = _file_settings(start or Path.cwd(), options)
    for name, (texts, origin) in settings_file.items():
        set_from(name, texts, origin)
    for name, value in (document or {}).items():
        set_from(name, *_checked(name, value, Path("functionConfig"), "", options))
    environ = os.environ if environ is None else environ
    if environ.get("NO_COLOR"):
        set_from("color", ("never",), "environment NO_COLOR")
    for name, option in options.items():
        variable = f"COULER_{option.field.upper()}"
        if variable in environ:
            set_from(name, _texts_from_environment(environ[variable], option), f"environment {variable}")
    for field_name, value in (flags or {}).items():
        if value is not None:
            values[field_name] = value
            origins[field_name] = "flag"
    return Config(**values, rows=rows, prices=prices, origins=origins)


def _file_settings(start: Path, options: Mapping[str, Option]) -> FileSettings:
    """What the nearest file says."""
    for folder in (start.absolute(), *start.absolute().parents):
        for name in TABLES:
            if (folder / name).is_file() and (said := _said_in(folder / name, options)) is not None:
                return said
    return {}, {}, ()


def read_rows(path: Path) -> Mapping[str, tuple[Row, ...]]:
    """Return what a settings file says of steps by patterns, by the optimizer that it is for.

    Args:
        path: a couler.toml or a pyproject.toml.

    Raises:
        InvalidInput: the file cannot be read, or something in it is no setting.
    """
    return (_said_in(path, settings()) or ({}, {}, ()))[1]


def _said_in(path: Path, options: Mapping[str, Option]) -> FileSettings | None:
    """Return what one file says; None where it has no table of ours."""
    table_name = TABLES.get(path.name, "")
    text, table = _table(path, table_name)
    if table is None:
        return None
    prefix = f"{table_name}." if table_name else ""
    prices = prices_in(table.pop("prices", []), path, prefix)
    tables = {key: value for key, value in table.items() if isinstance(value, dict) and "declare" in value}
    plain = {key: value for key, value in table.items() if key not in tables}
    checked = {key: _checked(key, value, path, table_name, options) for key, value in plain.items()}
    return checked, rows_in(tables, path, prefix, text), prices


def _table(path: Path, table_name: str) -> tuple[str, dict[str, Any] | None]:
    try:
        table = _parsed(text := path.read_text(encoding="utf-8-sig"))  # editors on Windows write a mark
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"the settings cannot be read: {error}", file=str(path)) from error
    except ValueError as error:
        raise InvalidInput(f"this is not TOML: {error}", file=str(path)) from error
    for key in filter(None, table_name.split(".")):
        table = table.get(key)
        if table is None:
            return text, None
        if not isinstance(table, dict):
            raise InvalidInput(f"[{table_name}] is not a table", file=str(path))
    return text, dict(table)


@functools.lru_cache(maxsize=1)
def _parsed(text: str) -> Any:
    """What a file says, for reading only; each call of the API reads the same one."""
    import tomllib

    return tomllib.loads(text)


def _checked(key: str, value: Any, path: Path, table_name: str, options: Mapping[str, Option]) -> tuple[Texts, str]:
    place = f"{path}:{table_name}.{key}" if table_name else f"{path}:{key}"
    if key not in options:
        hint = f"{closest(key, [*options, 'prices'])} the settings are {', '.join(options)}, and rows [[prices]]"
        if isinstance(value, dict):
            hint = f'options of an optimizer stand in the pipeline: "{key}{{option=value}}"; rows in [[{key}.declare]]'
            hint = "leave out `tool.couler.`, which is for pyproject.toml" if key == "tool" else hint
        raise InvalidInput(f"there is no setting {key!r}", file=str(path), hint=hint.strip())
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, (str, int, float, bool)) for item in items):
        raise InvalidInput(f"{key!r} is neither a text, a number nor a list", file=str(path), hint=f"see {place}")
    if key == "pipeline" and any(".py:" in str(item) for item in items):  # else reading a clone would run its code
        raise InvalidInput(
            "the settings cannot name an optimizer by its file",
            file=str(path),
            hint="name the file in -p, or install the optimizer as a plugin",
        )
    if options[key].is_text and not all(isinstance(item, str) for item in items):
        raise InvalidInput(f"{key!r} is text", file=str(path), hint=f"put it in quotes: {place}")
    return tuple(text for item in items for text in texts_of(item)), place


def _texts_from_environment(text: str, option: Option) -> Texts:
    """The texts in a variable; lists are separated by commas there."""
    return tuple(part.strip() for part in text.split(",") if part.strip()) if option.is_list else (text,)
