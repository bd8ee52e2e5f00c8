from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import Result

from couler_plugins import __version__
from couler_plugins.cli.group import CommandGroup, couler
from pluginbox import PluginBox

TOY = "kind: Toy\nname: a\nsteps:\n- {name: get, run: curl, timeout: 1}\n- name: use\n  run: cat\n  after: [get]\n"
HURRIED = TOY + "  timeout: 60\n"
BROKEN = "kind: Toy\nname: b\nsteps: 3\n"
HURRY = ("-p", "hurry")
Couler = Callable[..., Result]


@pytest.fixture(autouse=True)
def _files(plugin_box: PluginBox) -> None:
    Path("a.yaml").write_text(TOY)
    Path("done.yaml").write_text(HURRIED)
    Path("bad.yaml").write_text(BROKEN)
    Path("tin.yaml").write_text(TOY.replace("Toy", "Tin"))


def test_the_version(couler_command: Couler) -> None:
    assert couler_command("--version").stdout == f"couler, version {__version__}\n"


@pytest.mark.parametrize("name", ["optimize", "convert", "explain", "diff", "graph", "plugins", "config"])
def test_every_command_has_a_help_text_with_an_example(couler_command: Couler, name: str) -> None:
    done = couler_command(name, "--help")
    assert done.exit_code == 0
    assert f"  couler {name}" in done.stdout
    assert f"  {name} " in couler_command("--help").stdout


def commands(group: CommandGroup) -> Iterator[tuple[CommandGroup, str, click.Command]]:
    with click.Context(group) as ctx:
        for name in group.list_commands(ctx):
            command = group.get_command(ctx, name)
            assert command is not None
            yield group, name, command
            if isinstance(command, CommandGroup):
                yield from commands(command)


def test_the_tables_of_groups_say_what_their_commands_say() -> None:
    checked = list(commands(couler))
    assert len({id(group) for group, _, _ in checked}) == 6
    for group, name, command in checked:
        sentence = group.table[name][1]
        assert command.name == name
        assert command.hidden is not bool(sentence), name
        for width in (45, 70, 1000) if sentence else ():
            assert click.Command(name, help=sentence).get_short_help_str(width) == command.get_short_help_str(width)


def test_the_help_text_says_the_exit_codes(couler_command: Couler) -> None:
    text = couler_command("--help").stdout
    for code in ("0", "1", "2", "3", "70", "130"):
        assert f"\n    {code} " in text


def test_an_unknown_command_is_a_usage_error(couler_command: Couler) -> None:
    done = couler_command("optimise")
    assert done.exit_code == 2
    assert "No such command 'optimise'; did you mean 'optimize'?" in done.stderr
    assert "No such command 'xyzzy'.\n" in couler_command("xyzzy").stderr
    assert "No such command 'declar'; did you mean 'declare'?" in couler_command("cache", "declar").stderr


def test_convert_to_the_own_engine_is_the_identity(couler_command: Couler) -> None:
    done = couler_command("convert", "a.yaml", "--to", "toy")
    assert (done.exit_code, done.stdout) == (0, TOY)


def test_convert_to_another_engine_is_unsupported(couler_command: Couler) -> None:
    done = couler_command("convert", "tin.yaml", "a.yaml", "--to", "toy", "-o", "out")
    assert done.exit_code == 2
    assert "error: tin.yaml: tin workflows cannot be written for toy yet\n  hint: " in done.stderr
    assert [path.name for path in Path("out").iterdir()] == ["a.yaml"]
    unknown = couler_command("convert", "a.yaml", "--to", "toi")
    assert unknown.exit_code == 2
    assert "did you mean" in unknown.stderr


def test_convert_prints_records(couler_command: Couler) -> None:
    report = json.loads(couler_command("convert", "a.yaml", "--to", "toy", "--format", "json").stdout)
    assert report["schema"] == "couler.convert/v1"
    assert report["files"][0]["status"] == "ok"


def test_explain_is_plain_when_piped(couler_command: Couler) -> None:
    done = couler_command("explain", *HURRY, "a.yaml", "done.yaml", "bad.yaml")
    assert done.exit_code == 2
    assert done.stdout == (
        "a.yaml: 1 workflow, 1 change\n"
        "  a\n"
        "    hurry\n"
        "      use: timeout set: it had none\n"
        "done.yaml: 1 workflow, no change\n"
    )
    assert "bad.yaml:3" in done.stderr


def test_explain_is_coloured_where_that_is_wanted(couler_command: Couler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COULER_COLOR", "always")
    Path("odd.yaml").write_text(TOY.replace("name: a", "name: '[red]a[/red]'"))
    text = couler_command("explain", *HURRY, "odd.yaml").stdout
    assert "\x1b[" in text
    assert "  [red]a[/red]\n    hurry\n      use: timeout set" in text
    assert couler_command("explain", "--no-color", *HURRY, "odd.yaml").stdout.count("\x1b") == 0


def test_explain_as_json_is_by_pass(couler_command: Couler) -> None:
    report = json.loads(couler_command("explain", "-p", "hurry{seconds=5},hurry", "a.yaml", "--format", "json").stdout)
    assert report["schema"] == "couler.explain/v1"
    assert report["pipeline"] == "hurry{seconds=5},hurry"
    (file,) = report["files"]
    assert [(item["optimizer"], len(item["decisions"])) for item in file["passes"]] == [("hurry{seconds=5}", 1)]


def test_diff_can_be_applied_by_patch(couler_command: Couler, tmp_path: Path) -> None:
    Path("deep").mkdir()
    Path("deep/b.yaml").write_text(TOY.removesuffix("\n"))
    done = couler_command("diff", *HURRY, "a.yaml", "deep/b.yaml", "done.yaml")
    assert done.exit_code == 0
    assert done.stdout.startswith("--- a.yaml\n+++ a.yaml\n@@ -5,3 +5,4 @@\n")
    assert "done.yaml" not in done.stdout
    assert "\\ No newline at end of file\n" in done.stdout
    subprocess.run(["patch", "-p0"], input=done.stdout, text=True, check=True, capture_output=True)
    assert Path("a.yaml").read_text() == HURRIED
    assert couler_command("diff", *HURRY, "a.yaml", "deep/b.yaml").stdout == ""


def test_diff_has_the_exit_codes_of_diff(couler_command: Couler) -> None:
    assert couler_command("diff", *HURRY, "--exit-code", "a.yaml").exit_code == 1
    assert couler_command("diff", *HURRY, "--exit-code", "done.yaml").exit_code == 0
    assert couler_command("diff", *HURRY, "--exit-code", "a.yaml", "bad.yaml").exit_code == 2


def test_diff_in_colour_and_as_json(couler_command: Couler, monkeypatch: pytest.MonkeyPatch) -> None:
    report = json.loads(couler_command("diff", *HURRY, "a.yaml", "--format", "json").stdout)
    assert report["schema"] == "couler.diff/v1"
    assert [edit["new"] for edit in report["files"][0]["edits"]] == [60]
    monkeypatch.setenv("COULER_COLOR", "always")
    assert "\x1b[32m+  timeout: 60\x1b[0m\n" in couler_command("diff", *HURRY, "a.yaml").stdout


def test_plugins_are_listed(couler_command: Couler, plugin_box: PluginBox) -> None:
    done = couler_command("plugins")
    assert done.exit_code == 0
    assert done.stdout == (
        "toy (toy-plugin 1.0)\n"
        "  hooks: couler_adapters, couler_optimizers\n"
        "  optimizer hurry: Gives every operation without a timeout one.\n"
        "    seconds=int (default 60)\n"
        "  adapter toy\n"
        "  adapter tin\n"
    )


def test_plugins_that_fail_are_listed_and_make_it_exit_with_1(couler_command: Couler, plugin_box: PluginBox) -> None:
    plugin_box.add("bad", "print('hello'); 1 / 0")
    done = couler_command("plugins")
    assert done.exit_code == 1
    assert (
        "bad (bad-plugin 1.0)\n  error: cannot be loaded: ZeroDivisionError: division by zero (in site/box_bad_"
        in done.stdout
    )
    assert "optimizer hurry" in done.stdout
    assert done.stderr == "hello\n"


def test_plugins_as_json_and_all(
    couler_command: Couler, plugin_box: PluginBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin_box.add("other", "1 / 0")
    monkeypatch.setenv("COULER_DISABLE_PLUGINS", "other-plugin")
    report = json.loads(couler_command("plugins", "--format", "json").stdout)
    assert report["schema"] == "couler.plugins/v1"
    assert [plugin["name"] for plugin in report["plugins"]] == ["toy"]
    assert report["plugins"][0]["optimizers"] == [
        {
            "name": "hurry",
            "summary": "Gives every operation without a timeout one.",
            "options": [{"name": "seconds", "type": "int", "default": "60"}],
        }
    ]
    done = couler_command("plugins", "--all")
    assert done.exit_code == 0
    assert "other (other-plugin 1.0) disabled\n" in done.stdout


def test_two_plugins_with_one_optimizer_are_both_reported(couler_command: Couler, plugin_box: PluginBox) -> None:
    plugin_box.add("rival", "from couler_plugins import hookimpl\nfrom toy_plugin import couler_optimizers")
    done = couler_command("plugins")
    assert done.exit_code == 1
    assert done.stdout.count("2 plugins have an optimizer 'hurry'") == 2
    refused = couler_command("optimize", *HURRY, "a.yaml")
    assert refused.exit_code == 1
    assert "toy-plugin 1.0" in refused.stderr
    assert "rival-plugin 1.0" in refused.stderr
    assert couler_command("optimize", "-p", "", "a.yaml").exit_code == 0


def test_hooks_can_be_traced(couler_command: Couler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COULER_TRACE_HOOKS", "1")
    done = couler_command("optimize", *HURRY, "a.yaml")
    assert done.stdout == HURRIED
    assert "hook couler_optimizers()\n  implemented by toy\n" in done.stderr


def test_the_settings_are_listed_with_their_origin(
    couler_command: Couler, plugin_box: PluginBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("couler.toml").write_text("pipeline = 'hurry{seconds=5}'\nmax-bytes = '1MiB'\n")
    monkeypatch.setenv("COULER_MAX_BYTES", "2MiB")
    lines = couler_command("config", "--show-origin", "--no-color").stdout.splitlines()
    assert f"pipeline = hurry{{seconds=5}}  # {plugin_box.folder / 'couler.toml'}:pipeline" in lines
    assert "max-bytes = 2MiB  # environment COULER_MAX_BYTES" in lines
    assert "color = never  # flag" in lines
    assert "to =   # default" in lines
    report = json.loads(couler_command("config", "--format", "json").stdout)
    assert report["schema"] == "couler.config/v1"
    assert {"name": "color", "value": "auto", "origin": "default"} in report["settings"]
    assert "timeout: 5" in couler_command("optimize", "a.yaml").stdout
    assert "timeout: 60" in couler_command("optimize", *HURRY, "a.yaml").stdout


def test_a_settings_file_that_is_wrong_stops_every_command(couler_command: Couler) -> None:
    Path("couler.toml").write_text("pipelin = 'x'\n")
    for command in (("config",), ("plugins",), ("optimize", "a.yaml")):
        done = couler_command(*command)
        assert done.exit_code == 2
        assert "there is no setting 'pipelin'" in done.stderr
