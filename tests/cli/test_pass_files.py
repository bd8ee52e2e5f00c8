"""Optimizers out of files (`-p ./my_pass.py:MyPass`), and the place of what fails in a plugin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from pluginbox import PluginBox

Couler = Callable[..., Result]
TOY = "kind: Toy\nname: a\nsteps:\n- {name: get, run: curl}\n"
MINE = """\
from __future__ import annotations
import json
from dataclasses import dataclass
from couler_plugins import ir

@dataclass(frozen=True)
class Mine:
    \"\"\"Gives every operation a time limit.\"\"\"

    name = "mine"
    limit: int = 2

    def run(self, plan, ctx):
        return plan.map_operations(self.name, self.limited, action="limited", reason="mine says so")

    def limited(self, operation):
        return operation if operation.timeout else ir.replace(operation, timeout=ir.Literal(value=self.limit))
"""


@pytest.fixture
def optimize(couler_command: Couler) -> Couler:
    """Runs `couler optimize` on a workflow with a pipeline; in the current folder is `mine.py`."""
    Path("a.yaml").write_text(TOY)
    Path("mine.py").write_text(MINE)
    return lambda pipeline, *more: couler_command("optimize", "-p", pipeline, "a.yaml", *more)


@pytest.mark.parametrize("place", ["./mine.py:Mine", "mine.py:Mine", "../{here}/mine.py:Mine", "{folder}/mine.py:Mine"])
def test_an_optimizer_out_of_a_file(optimize: Couler, place: str) -> None:
    place = place.format(here=Path.cwd().name, folder=Path.cwd())
    done = optimize(f"{place}{{limit=3}}")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "timeout: 3" in done.stdout
    assert "timeout: 2" in optimize(f"{place}, hurry").stdout
    assert "timeout: 60" in optimize(f"hurry,{place}").stdout
    assert not Path("__pycache__").exists()


def test_a_file_is_read_anew_each_time(optimize: Couler) -> None:
    assert "timeout: 2" in optimize("mine.py:Mine").stdout
    Path("mine.py").write_text(MINE.replace("limit: int = 2", "limit: int = 9"))
    assert "timeout: 9" in optimize("mine.py:Mine").stdout


@pytest.mark.parametrize(
    ("pipeline", "old", "new", "code", "message"),
    [
        ("no.py:Mine", "", "", 2, "no.py: there is no such file\n  hint: give its path from the current folder"),
        ("mine.py:Mime", "", "", 2, "mine.py: there is no class 'Mime' in it\n  hint: did you mean 'Mine'?"),
        ("mine.py:Other", "", "", 2, "mine.py: there is no class 'Other' in it\n  hint: an optimizer is a frozen"),
        ("mine.py:json", "", "", 2, "mine.py: this is no optimizer: an instance of module is not a class"),
        ("mine.py:Mine", "(frozen=True)", "", 2, "mine.py:6: this is no optimizer: Mine: Mine is a dataclass, but not"),
        ("mine.py:Mine", "def run(", "def ran(", 2, "mine.py:6: this is no optimizer: Mine: it has no method run(plan"),
        ("mine.py:Mine", '"mine"', '"My Pass"', 2, "mine.py:6: this is no optimizer: Mine: its name 'My Pass' is not"),
        ("mine.py:Mine{limt=3}", "", "", 2, "the optimizer 'mine.py:Mine' has no option 'limt'"),
        ("mine.py:Mine{limit=x}", "", "", 2, "option 'limit': 'x' is not a whole number"),
        ("mine.py:", "", "", 2, "column 8: expected a comma or the end here"),
        (
            "mine.py:Mine",
            "import json",
            "import jsn",
            1,
            "mine.py: it cannot be loaded: ModuleNotFoundError: No module",
        ),
        ("mine.py:Mine", "import json", "import json\n1 / 0", 1, "division by zero (in mine.py, line 3)"),
        ("mine.py:Mine", "import json", "import (", 1, "SyntaxError: invalid syntax (in mine.py, line 2)"),
        ("mine.py:Mine", "import json", "exit()", 1, "mine.py: it cannot be loaded: SystemExit"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(
    optimize: Couler, pipeline: str, old: str, new: str, code: int, message: str
) -> None:
    Path("mine.py").write_text(MINE.replace(old, new, 1))
    done = optimize(pipeline)
    assert (done.exit_code, done.stdout) == (code, "")
    assert message in done.stderr
    assert "hint: " in done.stderr


def test_what_fails_in_a_library_is_told_by_the_line_of_the_file(optimize: Couler) -> None:
    Path("mine.py").write_text(MINE.replace("return plan.map", 'json.loads("{")\n        return plan.map'))
    done = optimize("mine.py:Mine")
    assert done.exit_code == 1
    assert "the optimizer 'mine' raised JSONDecodeError: Expecting property name" in done.stderr
    assert "(in mine.py, line 14)" in done.stderr


def test_a_callback_that_fails_is_told_by_its_own_line(optimize: Couler) -> None:
    Path("mine.py").write_text(MINE.replace("operation.timeout", "operation.x"))
    done = optimize("mine.py:Mine")
    assert "(in mine.py, line 17)" in done.stderr


def test_settings_that_come_with_a_folder_run_no_file_of_it(couler_command: Couler) -> None:
    Path("mine.py").write_text(MINE)
    Path("a.yaml").write_text(TOY)
    Path("couler.toml").write_text('pipeline = "./mine.py:Mine"\n')
    done = couler_command("optimize", "a.yaml")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "couler.toml: the settings cannot name an optimizer by its file\n  hint: name the file in -p" in done.stderr


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("import json\njson.loads('{')", "line 2)"),
        ("def f():\n    raise RuntimeError\nf()", "line 2)"),
        ("x =", "line 1)"),
        ("import nothing_of_that_name", "line 1)"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_listed_with_its_line(
    couler_command: Couler, plugin_box: PluginBox, source: str, place: str
) -> None:
    module = plugin_box.add("bad", source)
    done = couler_command("plugins")
    assert done.exit_code == 1
    assert f"(in site/{module}.py, {place}" in done.stdout


def test_a_plugin_that_is_not_there_has_no_line(couler_command: Couler, plugin_box: PluginBox) -> None:
    plugin_box.declare("gone", "no_such_module")
    assert "ModuleNotFoundError: No module named 'no_such_module'\n" in couler_command("plugins").stdout


def test_a_hook_that_fails_is_told_by_its_line(couler_command: Couler, plugin_box: PluginBox) -> None:
    module = plugin_box.add(
        "bad",
        """\
        from couler_plugins import hookimpl
        @hookimpl
        def couler_optimizers():
            return int("x")
        """,
    )
    shown = couler_command("plugins").stdout
    assert "couler_optimizers() raised ValueError: invalid literal" in shown
    assert f"(in site/{module}.py, line 4)" in shown
