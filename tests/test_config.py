from __future__ import annotations

from pathlib import Path

import pytest

from couler_plugins.errors import InvalidInput
from couler_plugins.options.config import Config, load_config, settings
from couler_plugins.options.fields import Size


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    config = load_config(start=tmp_path, environ={})
    assert config == Config()
    assert config.max_bytes == 64 * 1024 * 1024
    assert {config.origin(option.field) for option in settings().values()} == {"default"}


def test_a_flag_goes_before_the_environment_that_before_a_file(tmp_path: Path) -> None:
    file = write(tmp_path / "couler.toml", "pipeline = 'a'\nto = 'x'\nmax-bytes = '1MiB'\n")
    environ = {"COULER_PIPELINE": "b", "COULER_TO": "y"}
    config = load_config({"pipeline": "c", "color": None}, start=tmp_path, environ=environ)
    assert (config.pipeline, config.to, config.max_bytes) == ("c", "y", Size(1024**2))
    assert config.origin("pipeline") == "flag"
    assert config.origin("to") == "environment COULER_TO"
    assert config.origin("max_bytes") == f"{file}:max-bytes"
    assert config.origin("color") == "default"


@pytest.mark.parametrize(("name", "table"), [("couler.toml", ""), ("pyproject.toml", "tool.couler.")])
def test_a_byte_order_mark_is_no_setting(tmp_path: Path, name: str, table: str) -> None:
    """Editors on Windows write one at the start of a file."""
    header = f"[{table.rstrip('.')}]\n" if table else ""
    rows = f"[[{table}cache.declare]]\nstep = 'a'\npure = true\n"
    (tmp_path / name).write_bytes(f"\ufeff{header}pipeline = 'a'\n{rows}".encode())
    config = load_config(start=tmp_path, environ={})
    assert config.pipeline == "a"
    assert [row.place for row in config.rows["cache"]] == [f"{name}:{2 + bool(table)}"]


def test_the_nearest_file_wins_as_a_whole(tmp_path: Path) -> None:
    write(tmp_path / "couler.toml", "pipeline = 'outer'\ntrace-hooks = true\n")
    write(tmp_path / "a" / "pyproject.toml", "[project]\nname = 'x'\n")
    inner = write(tmp_path / "a" / "b" / "pyproject.toml", "[tool.couler]\npipeline = 'inner'\n")
    (tmp_path / "a" / "b" / "c").mkdir()
    config = load_config(start=tmp_path / "a" / "b" / "c", environ={})
    assert (config.pipeline, config.trace_hooks) == ("inner", False)
    assert config.origin("pipeline") == f"{inner}:tool.couler.pipeline"
    # A pyproject.toml without our table is passed by.
    assert load_config(start=tmp_path / "a", environ={}).pipeline == "outer"
    write(tmp_path / "a" / "b" / "couler.toml", "pipeline = 'own file'\n")
    assert load_config(start=tmp_path / "a" / "b", environ={}).pipeline == "own file"


def test_all_types_can_be_set_in_a_file(tmp_path: Path) -> None:
    text = """
        max-bytes = 1000
        disable-plugins = ["argo", "other"]
        load-plugins = []
        trace-hooks = true
        color = "never"
        log-level = "debug"
    """
    write(tmp_path / "couler.toml", text)
    config = load_config(start=tmp_path, environ={})
    assert config == Config(
        max_bytes=Size(1000),
        disable_plugins=("argo", "other"),
        load_plugins=(),
        trace_hooks=True,
        color="never",
        log_level="debug",
    )


def test_all_types_can_be_set_in_the_environment(tmp_path: Path) -> None:
    environ = {
        "COULER_MAX_BYTES": "1GB",
        "COULER_DISABLE_PLUGINS": "argo, other",
        "COULER_LOAD_PLUGINS": "",
        "COULER_TRACE_HOOKS": "1",
        "COULER_COLOR": "always",
    }
    config = load_config(start=tmp_path, environ=environ)
    assert (config.max_bytes, config.disable_plugins) == (Size(10**9), ("argo", "other"))
    assert (config.load_plugins, config.trace_hooks, config.color) == ((), True, "always")


def test_no_color_is_heeded_unless_something_nearer_speaks(tmp_path: Path) -> None:
    assert load_config(start=tmp_path, environ={"NO_COLOR": "1"}).color == "never"
    assert load_config(start=tmp_path, environ={"NO_COLOR": ""}).color == "auto"
    assert load_config(start=tmp_path, environ={"NO_COLOR": "1", "COULER_COLOR": "always"}).color == "always"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pipelin = 'a'", "there is no setting 'pipelin'\n  hint: did you mean 'pipeline'?"),
        ("x = 'a'", "the settings are pipeline, to, history, previous, max-bytes"),
        ("pipeline =", "this is not TOML"),
        ("max-bytes = 'much'", "'much' is not a size"),
        ("trace-hooks = 3", "'3' is neither true nor false"),
        ("color = 'blue'", "'blue' is not one of auto, always, never"),
        ("pipeline = {a = 1}", "'pipeline' is neither a text, a number nor a list"),
        ("cache-store = 5", "'cache-store' is text"),
        ("cache-index = true", "'cache-index' is text"),
        ("history = ['a', 1]", "'history' is text"),
        ("disable-plugins = 1", "'disable-plugins' is text"),
        ("pipeline = 'a'\n[tool]\nx = 1", "there is no setting 'tool'\n  hint: leave out `tool.couler.`"),
    ],
)
def test_a_file_that_is_wrong_is_an_error_that_names_it(tmp_path: Path, text: str, expected: str) -> None:
    file = write(tmp_path / "couler.toml", text)
    with pytest.raises(InvalidInput) as caught:
        load_config(start=tmp_path, environ={})
    assert str(file) in str(caught.value)
    assert expected in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2


def test_a_table_that_is_none_and_a_file_that_is_not_text_are_errors(tmp_path: Path) -> None:
    file = write(tmp_path / "pyproject.toml", "[tool]\ncouler = 3\n")
    with pytest.raises(InvalidInput, match=r"\[tool.couler\] is not a table"):
        load_config(start=tmp_path, environ={})
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match="the settings cannot be read"):
        load_config(start=tmp_path, environ={})


def test_an_environment_variable_that_is_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="environment COULER_MAX_BYTES: 'much' is not a size"):
        load_config(start=tmp_path, environ={"COULER_MAX_BYTES": "much"})
