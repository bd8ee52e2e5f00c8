from __future__ import annotations

import logging
import shutil

import pytest

from couler_plugins.errors import InvalidInput, PluginFailure
from couler_plugins.options.config import Config
from couler_plugins.plugins import OPTIMIZERS, PluginRecord, load_plugins
from pluginbox import PluginBox

OPTIMIZER = """
    from dataclasses import dataclass
    from couler_plugins import hookimpl

    @dataclass(frozen=True)
    class Pass:
        '''Does nothing.'''
        name = "{name}"
        limit: int = 2

        def run(self, plan, ctx):
            return plan

    @hookimpl
    def couler_optimizers():
        return [Pass]
"""


def error_of(box: PluginBox, name: str) -> str:
    (record,) = (record for record in box.records() if record.name == name)
    assert record.errors
    assert all(len(error.splitlines()) <= 2 for error in record.errors)
    return "\n".join(record.errors)


def test_a_plugin_is_found_with_what_it_gives(plugin_box: PluginBox) -> None:
    module = plugin_box.add("mine", OPTIMIZER.format(name="mine-first"), distribution="my-dist", version="2.3")
    (record,) = plugin_box.records()
    assert record == PluginRecord(
        name="mine",
        module=module,
        distribution="my-dist",
        version="2.3",
        hooks=("couler_optimizers",),
        provides={"optimizers": ("mine-first",)},
    )


def test_a_plugin_in_a_zip_file_is_found(plugin_box: PluginBox, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin_box.add("mine", OPTIMIZER.format(name="mine-first"), distribution="my-dist", version="2.3")
    archive = shutil.make_archive(str(plugin_box.folder / "plugins"), "zip", plugin_box.site)
    shutil.rmtree(plugin_box.site)
    monkeypatch.syspath_prepend(archive)
    (record,) = plugin_box.records()
    assert (record.distribution, record.version) == ("my-dist", "2.3")
    assert record.provides == {"optimizers": ("mine-first",)}


def test_plugins_are_in_the_order_of_their_names(plugin_box: PluginBox) -> None:
    for name in ("zebra", "ant", "mole"):
        plugin_box.add(name, OPTIMIZER.format(name=name))
    assert [record.name for record in plugin_box.records()] == ["ant", "mole", "zebra"]


def test_what_is_installed_or_taken_away_meanwhile_is_seen(plugin_box: PluginBox) -> None:
    def found() -> set[str]:
        return {record.name for record in load_plugins(Config(load_plugins=())).records} & {"first", "second"}

    assert found() == set()
    plugin_box.add("first", OPTIMIZER.format(name="one"))
    assert found() == {"first"}
    plugin_box.add("second", OPTIMIZER.format(name="two"))
    assert found() == {"first", "second"}
    shutil.rmtree(plugin_box.site / "first_plugin-1.0.dist-info")
    assert found() == {"second"}


def test_an_instance_can_be_a_plugin(plugin_box: PluginBox) -> None:
    source = """
        from couler_plugins import hookimpl
        class Plugin:
            @hookimpl
            def couler_optimizers(self):
                return []
        plugin = Plugin()
    """
    module = plugin_box.add("module", source)
    plugin_box.declare("instance", f"{module}:plugin")
    plugin_box.declare("class", f"{module}:Plugin")
    records = {record.name: record for record in plugin_box.records()}
    assert records["instance"].hooks == ("couler_optimizers",)
    assert not records["instance"].errors
    assert "names a class" in error_of(plugin_box, "class")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import not_there", "ModuleNotFoundError: No module named 'not_there'"),
        ("1 / 0", "ZeroDivisionError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def broken(:", "SyntaxError"),
        ("x = 1", "it implements no hook"),
        ("def couler_optimizers(): return []", "couler_optimizers() is not marked with @hookimpl"),
        ("from couler_plugins import hookimpl\n@hookimpl\ndef couler_optimizer(): ...", "'couler_optimizers'"),
        ("from couler_plugins import hookimpl\n@hookimpl\ndef couler_profiles(flow): ...", "flow"),
        ("from couler_plugins import hookimpl\n@hookimpl\ndef couler_optimizers(): 1 / 0", "ZeroDivisionError"),
        ("from couler_plugins import hookimpl\n@hookimpl\ndef couler_adapters(): 1 / 0", "ZeroDivisionError"),
        ("from couler_plugins import hookimpl\n@hookimpl\ndef couler_optimizers(): return 7", "int, not a list"),
        ("from couler_plugins import hookimpl\n@hookimpl\ndef couler_optimizers(): ...", "NoneType, not a list"),
        (
            "from couler_plugins import hookimpl\n@hookimpl(wrapper=True)\ndef couler_optimizers(): return (yield)",
            "is a hook wrapper",
        ),
    ],
)
def test_a_plugin_that_fails_is_reported_and_stops_nothing_else(
    plugin_box: PluginBox, source: str, expected: str
) -> None:
    plugin_box.add("bad", source)
    plugin_box.add("good", OPTIMIZER.format(name="good"))
    assert expected in error_of(plugin_box, "bad")
    plugins = plugin_box.load()
    assert plugins.get(OPTIMIZERS, "good").name == "good"
    assert [record.name for record in plugins.failed] == ["bad"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("name = 'Not Kebab'", "its name 'Not Kebab' is not kebab-case"),
        ("pass", "it has no name"),
        ("name = 'a'\n    run = None", "it has no method run"),
        ("name = 'a'\n    when: complex = 1j", "which no text can give"),
        ("name = 'a'\n    when: Unknown = 1", "name 'Unknown' is not defined"),
    ],
)
def test_an_optimizer_class_that_breaks_the_contract_is_reported(
    plugin_box: PluginBox, body: str, expected: str
) -> None:
    run = "" if "run" in body else "def run(self, plan, ctx): return plan"
    source = f"""from __future__ import annotations
from dataclasses import dataclass
from couler_plugins import hookimpl
@dataclass(frozen=True)
class Bad:
    {body}
    {run}
@dataclass(frozen=True)
class Good:
    name = "good"
    def run(self, plan, ctx): return plan
@hookimpl
def couler_optimizers(): return [Bad, Good]
"""
    plugin_box.add("mixed", source)
    assert expected in error_of(plugin_box, "mixed")
    assert plugin_box.load().get(OPTIMIZERS, "good")


@pytest.mark.parametrize(
    ("decorator", "returned", "expected"),
    [
        ("", "[Bad]", "not a frozen dataclass"),
        ("@dataclass", "[Bad]", "not a frozen one"),
        ("@dataclass(frozen=True)", "[Bad()]", "not a class"),
    ],
)
def test_an_optimizer_is_a_frozen_dataclass(
    plugin_box: PluginBox, decorator: str, returned: str, expected: str
) -> None:
    source = f"""from dataclasses import dataclass
from couler_plugins import hookimpl
{decorator}
class Bad:
    name = "bad"
    def run(self, plan, ctx): return plan
@hookimpl
def couler_optimizers(): return {returned}
"""
    plugin_box.add("odd", source)
    assert expected in error_of(plugin_box, "odd")


@pytest.mark.parametrize(
    ("body", "returned", "expected"),
    [
        ("engine = 'x'", "[Engine]", "is a class"),
        ("claims = None", "[Engine()]", "it has no engine"),
        ("engine = 'X'", "[Engine()]", "not kebab-case"),
        ("engine = 'x'", "[Engine()]", "it has no method claims()"),
        (
            "engine = 'x'\n    def claims(self, document): ...\n    def lift(self, bundle, refuse): ...",
            "[Engine()]",
            "it has no method lower()",
        ),
        (
            "engine = 'x'\n    capabilities = None\n    claims = lift = lower = print",
            "[Engine()]",
            "no tuple of capabilities",
        ),
        ("engine = 'x'\n    options = dict\n    claims = lift = lower = print", "[Engine()]", "not a frozen dataclass"),
    ],
)
def test_an_adapter_that_breaks_the_contract_is_reported(
    plugin_box: PluginBox, body: str, returned: str, expected: str
) -> None:
    source = f"""from couler_plugins.hookspecs import Adapter, hookimpl
class Engine(Adapter):
    {body}
@hookimpl
def couler_adapters(): return {returned}
"""
    plugin_box.add("engine", source)
    assert expected in error_of(plugin_box, "engine")


def test_two_plugins_of_one_name_are_refused_and_both_owners_named(plugin_box: PluginBox) -> None:
    plugin_box.add("twin", OPTIMIZER.format(name="from-one"), distribution="one")
    plugin_box.add("twin", OPTIMIZER.format(name="from-two"), distribution="two")
    plugin_box.add("other", OPTIMIZER.format(name="other"))
    plugins = plugin_box.load()
    assert set(plugins.all(OPTIMIZERS)) == {"other"}
    for record in plugins.failed:
        assert "one 1.0" in record.errors[0]
        assert "two 1.0" in record.errors[0]
    assert set(plugin_box.load(disable=("one",)).all(OPTIMIZERS)) == {"from-two", "other"}


def test_two_optimizers_of_one_name_are_refused_when_used(plugin_box: PluginBox) -> None:
    plugin_box.add("one", OPTIMIZER.format(name="same"), distribution="dist-one")
    plugin_box.add("two", OPTIMIZER.format(name="same"), distribution="dist-two")
    plugin_box.add("other", OPTIMIZER.format(name="other"))
    plugins = plugin_box.load()
    assert plugins.get(OPTIMIZERS, "other")
    assert set(plugins.all(OPTIMIZERS)) == {"other"}
    assert [record.name for record in plugins.failed] == ["one", "two"]
    with pytest.raises(PluginFailure, match=r"dist-one 1\.0.* and .*dist-two 1\.0"):
        plugins.get(OPTIMIZERS, "same")
    assert plugin_box.load(disable=("two",)).get(OPTIMIZERS, "same")


def test_two_adapters_of_one_engine_are_refused_when_used(plugin_box: PluginBox) -> None:
    plugin_box.add_toy()
    source = "import toy_plugin\nfrom couler_plugins import hookimpl\n@hookimpl\ndef couler_adapters(): "
    plugin_box.add("rival", f"{source} return [toy_plugin.ToyAdapter()]")
    plugins = plugin_box.load()
    assert set(plugins.adapters) == {"tin"}
    with pytest.raises(PluginFailure, match=r"toy-plugin.*rival|rival.*toy-plugin"):
        plugins.adapter("toy")


def test_an_unknown_name_is_an_error_that_helps(plugin_box: PluginBox) -> None:
    plugin_box.add_toy()
    with pytest.raises(InvalidInput, match="did you mean 'hurry'"):
        plugin_box.load().get(OPTIMIZERS, "hury")
    plugin_box.add("bad", "1 / 0")
    with pytest.raises(InvalidInput, match="couler plugins"):
        plugin_box.load().adapter("argo")


def test_plugins_can_be_disabled_by_name_or_distribution(plugin_box: PluginBox) -> None:
    plugin_box.add("one", OPTIMIZER.format(name="one"), distribution="dist-one")
    plugin_box.add("two", OPTIMIZER.format(name="two"), distribution="dist-two")
    for wanted in ("one", "dist-one", "Dist_One"):
        assert set(plugin_box.load(disable=(wanted,)).all(OPTIMIZERS)) == {"two"}
        assert [record.enabled for record in plugin_box.records(disable=(wanted,))] == [False, True]


def test_only_some_plugins_can_be_loaded(plugin_box: PluginBox) -> None:
    plugin_box.add("one", OPTIMIZER.format(name="one"), distribution="dist-one")
    plugin_box.add("two", OPTIMIZER.format(name="two"), distribution="dist-two")
    assert set(load_plugins(Config(load_plugins=("two",))).all(OPTIMIZERS)) == {"two"}
    assert set(load_plugins(Config(load_plugins=("dist-one",))).all(OPTIMIZERS)) == {"one"}
    nothing = load_plugins(Config(load_plugins=()))
    assert not nothing.all(OPTIMIZERS)
    assert not nothing.adapters
    missing = load_plugins(Config(load_plugins=("on",)))
    assert "did you mean 'one'" in missing.failed[0].errors[0]


def test_two_sets_of_plugins_know_nothing_of_each_other(plugin_box: PluginBox) -> None:
    plugin_box.add("one", OPTIMIZER.format(name="one"))
    first = plugin_box.load()
    plugin_box.add("two", OPTIMIZER.format(name="two"))
    assert set(first.all(OPTIMIZERS)) == {"one"}
    assert set(plugin_box.load().all(OPTIMIZERS)) == {"one", "two"}


def test_hook_calls_are_traced_on_stderr(plugin_box: PluginBox, capsys: pytest.CaptureFixture[str]) -> None:
    plugin_box.add("one", OPTIMIZER.format(name="one"))
    plugin_box.add("bad", "from couler_plugins import hookimpl\n@hookimpl\ndef couler_optimizers(): 1 / 0")
    plugin_box.load(trace=True)
    captured = capsys.readouterr()
    assert not captured.out
    assert "hook couler_optimizers()\n  implemented by one\n  couler_optimizers returned" in captured.err
    assert "  implemented by bad\n  couler_optimizers raised ZeroDivisionError" in captured.err


def test_the_traceback_of_a_failure_is_logged_for_those_who_ask(
    plugin_box: PluginBox, caplog: pytest.LogCaptureFixture
) -> None:
    plugin_box.add("bad", "1 / 0")
    with caplog.at_level(logging.INFO):
        plugin_box.load()
    assert "ZeroDivisionError" in caplog.text
    assert "Traceback" in caplog.text
