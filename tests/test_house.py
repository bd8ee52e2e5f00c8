"""`dev.py house` sees what it has to see: each figure counts what a small house of its own breaks."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

import house
from couler_plugins.options.config import load_config
from couler_plugins.plugins import load_plugins

PYPROJECT = """
[[tool.importlinter.contracts]]
name = "layers"
type = "layers"
containers = ["couler_plugins"]
layers = ["(cli)", "(caching) : (hpo)", "errors"]
"""


def figures(folder: Path, **files: str) -> dict[str, list[str] | int]:
    """The figures of a house of some modules, by name: `caching__keys` is `caching/keys.py`."""
    (folder / "pyproject.toml").write_text(PYPROJECT)
    for name, text in {"__init__": "", **files}.items():
        path = folder / "couler_plugins" / Path(*name.split("__") if name != "__init__" else [name]).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.joinpath("__init__.py").touch()
        path.write_text(dedent(text))
    return house.House(folder).figures()


def test_a_sound_house_has_nothing_to_say(tmp_path: Path) -> None:
    text = "from couler_plugins.caching.keys import key\n"
    seen = figures(tmp_path, cli__main=text, caching__keys="def key():\n    return 1\n")
    assert {name for name, value in seen.items() if value} == {"modules", "statements"}
    assert seen["modules"] == 5


def test_long_sentences_of_the_readme_are_counted(tmp_path: Path) -> None:
    long = " ".join(["word"] * 25)
    (tmp_path / "README.md").write_text(
        f"# {long}\n\n{long}. More.\n\n```\n{long} {long}\n```\n- {long} one.\n| {long} | {long} |\n"
    )
    seen = figures(tmp_path)
    assert seen["sentences"] == [f"26: - {long} one."]
    assert seen["readme"] == 132


BROKEN: dict[str, tuple[dict[str, str], list[str]]] = {
    "loose": ({"errors": "", "api": ""}, ["couler_plugins.api", "couler_plugins.errors"]),
    "unnamed": ({"viz__dot": ""}, ["viz"]),
    "circles": (
        {
            "cli__main": "def run():\n    import couler_plugins.hpo.study\n",
            "hpo__study": "if TYPE_CHECKING:\n    from couler_plugins.cli import main\n",
        },
        ["cli, hpo"],
    ),
    "upward": (
        {"cli__main": "", "hpo__study": "if TYPE_CHECKING:\n    import couler_plugins.cli.main\n"},
        ["hpo -> cli"],
    ),
    "lazy": (
        {"cli__main": "def run():\n    from couler_plugins import hpo\n    import json\n", "hpo__study": ""},
        ["couler_plugins/cli/main.py:2: couler_plugins.cli.main imports couler_plugins.hpo"],
    ),
    "checking": ({"cli__main": "if TYPE_CHECKING:\n    pass\n"}, ["couler_plugins/cli/main.py:1"]),
    "long": ({"cli__main": "x = 1\n" * 301}, ["couler_plugins/cli/main.py: 301"]),
    "sessions": ({"cli__main": "a = Session()\n"}, ["couler_plugins/cli/main.py:1"]),
    "banned": (
        {
            "cli__main": """\
            def long(given):
                left, right = given
                found = [taken for taken in given]
                return found

            def short():
                told = 1
                return told
            """
        },
        ["couler_plugins/cli/main.py:1: found", "couler_plugins/cli/main.py:1: given"],
    ),
    "old": (
        {"cli__told": "class Whence:\n    rest: int\n\ndef anew(rest): ...\n"},
        [
            "couler_plugins.cli.told: field rest",
            "couler_plugins.cli.told: function anew",
            "couler_plugins.cli.told: module told",
            "couler_plugins.cli.told: type Whence",
        ],
    ),
}


@pytest.mark.parametrize("figure", BROKEN)
def test_a_figure_counts_what_is_broken(figure: str, tmp_path: Path) -> None:
    files, expected = BROKEN[figure]
    assert figures(tmp_path, **files)[figure] == expected


def test_a_docstring_is_no_statement(tmp_path: Path) -> None:
    assert figures(tmp_path, cli__main='"""Text."""\n\nx = 1\n')["statements"] == 1


@pytest.mark.slow  # it reads the whole project
def test_every_reason_is_of_a_module_that_needs_it() -> None:
    assert set(house.LAZY) <= {module for _, module, _ in house.House().lazy_imports()}


@pytest.mark.slow  # it reads the whole project
def test_a_figure_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    house.main(["loose"])
    first, *others = capsys.readouterr().out.splitlines()
    assert "[loose]" in first
    assert "    couler_plugins.errors" in others
    assert house.main(["losse"]) == 2
    assert "there are loose," in capsys.readouterr().err


def test_a_facet_is_in_a_room_or_module_of_one_name_in_every_adapter() -> None:
    plugins = load_plugins(load_config(environ={}))
    rooms: dict[str, set[str]] = {}
    for engine in ("airflow", "argo", "kfp", "tekton"):
        for facet, place in plugins.adapter(engine).facets.items():
            if place.startswith(f"couler_{engine}."):
                rooms.setdefault(facet, set()).add(place.split(":")[0].split(".")[1])
    assert {facet: names for facet, names in rooms.items() if len(names) > 1} == {}
