"""The source of functions, parsed: it is found without a look at all modules that are loaded."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from couler_plugins.caching.code.names import syntax_of

TEXT = """
import functools

def around(function):
    @functools.wraps(function)
    def inner():
        return function()
    return inner

@around
def decorated():
    return 1

class Kind:
    @property
    def nested(self):
        return 2

short = lambda: 3
"""


@pytest.fixture
def scope(tmp_path: Path) -> dict[str, Any]:
    return load(tmp_path / "made.py", TEXT)


def load(path: Path, text: str) -> dict[str, Any]:
    path.write_text(text)
    scope: dict[str, Any] = {"__name__": "made"}
    exec(compile(text, str(path), "exec"), scope)  # a module that no list of modules has
    return scope


def texts_of(function: Any) -> str:
    tree = syntax_of(function)
    assert tree is not None
    return ast.unparse(tree)


def test_a_function_is_found_by_its_file_and_line(scope: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(inspect, "getmodule")  # it asks each loaded module for its file
    assert texts_of(scope["decorated"]) == "@around\ndef decorated():\n    return 1"
    assert texts_of(scope["decorated"].__wrapped__.__code__) == "@around\ndef decorated():\n    return 1"
    assert texts_of(scope["Kind"].nested.fget) == "@property\ndef nested(self):\n    return 2"
    assert texts_of(scope["short"]) == "short = lambda: 3"


def test_a_file_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    assert texts_of(load(tmp_path / "made.py", "def f():\n    return 1\n")["f"]) == "def f():\n    return 1"
    assert texts_of(load(tmp_path / "made.py", "def f():\n    return 1234\n")["f"]) == "def f():\n    return 1234"


def test_a_function_of_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
        archive.writestr("of_an_archive.py", "def f():\n    return 1\n")
    monkeypatch.syspath_prepend(str(tmp_path / "made.zip"))
    module = importlib.import_module("of_an_archive")
    assert texts_of(module.f) == "def f():\n    return 1"
    monkeypatch.delitem(sys.modules, "of_an_archive")


@pytest.mark.parametrize("what", [len, functools.partial(len), eval("lambda: 1"), None, 5])
def test_what_has_no_source(what: Any) -> None:
    assert syntax_of(what) is None


def test_a_file_that_is_shorter_than_it_was_gives_nothing(tmp_path: Path) -> None:
    function = load(tmp_path / "made.py", "\n\n\ndef f():\n    return 1\n")["f"]
    (tmp_path / "made.py").write_text("\n")
    assert syntax_of(function) is None
