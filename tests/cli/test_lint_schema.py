"""`couler lint --schema`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from couler_plugins.documents import dump_yaml
from couler_plugins.errors import install_hint
from engine_kit.crd.small import crd
from linting_plugin import LINTING_PLUGIN
from pluginbox import PluginBox
from support import CORPUS, shared

HEAD = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\n"
GOOD = f"{HEAD}spec:\n  image: busybox\n"
BAD = f"{HEAD}spec:\n  retries: 11\n  # a comment\n  imag: busybox\n"
FOUND = """\
bad.yaml:5: error: it is too often (at spec.retries) [rule]
  hint: the rule is self < 10
bad.yaml:7: error: there is no field 'imag' here (at spec.imag) [unknown-field]
  hint: did you mean 'image'?
"""
Couler = Callable[..., Result]


@pytest.fixture(autouse=True)
def _files(plugin_box: PluginBox) -> None:
    rule = {"rule": "self < 10", "message": "it is too often"}
    retries = {"type": "integer", "x-kubernetes-validations": [rule]}
    Path("crds").mkdir()
    Path("crds/thing.yaml").write_text(dump_yaml(crd({"image": {"type": "string"}, "retries": retries})))
    Path("crds/other.yaml").write_text(dump_yaml(crd({})).replace("kind: Thing", "kind: Other"))
    Path("good.yaml").write_text(GOOD)
    Path("bad.yaml").write_text(BAD)


@pytest.mark.parametrize("place", ["crds", "crds/thing.yaml", "crds/*.yaml", "crds/other.yaml,crds/thing.yaml"])
def test_a_schema_is_a_file_a_folder_or_a_glob(couler_command: Couler, place: str) -> None:
    done = couler_command("lint", "--schema", place, "bad.yaml", "good.yaml")
    assert (done.exit_code, done.stdout, done.stderr) == (1, FOUND, "2 documents checked: 2 errors\n")


def test_the_option_can_be_repeated(couler_command: Couler) -> None:
    done = couler_command("lint", "--schema", "crds/other.yaml", "--schema", "crds/thing.yaml", "bad.yaml")
    assert (done.exit_code, done.stdout) == (1, FOUND)


def test_good_files_pass(couler_command: Couler) -> None:
    done = couler_command("lint", "--schema", "crds", "good.yaml")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "1 document checked: nothing found\n")


def test_json_counts_what_the_schemas_cover(couler_command: Couler) -> None:
    Path("side.yaml").write_text("apiVersion: v1\nkind: Secret\n")
    done = couler_command("lint", "--schema", "crds", "--format", "json", "bad.yaml", "good.yaml", "side.yaml")
    report = json.loads(done.stdout)
    assert (done.exit_code, report["documents"], report["errors"]) == (1, 2, [])
    assert [(item["line"], item["code"], item["path"]) for item in report["findings"]] == [
        (5, "rule", ["spec", "retries"]),
        (7, "unknown-field", ["spec", "imag"]),
    ]


def test_that_nothing_was_covered_is_a_note(couler_command: Couler) -> None:
    done = couler_command("lint", "--schema", "crds/other.yaml", "bad.yaml", "good.yaml")
    assert done.exit_code == 0
    assert done.stdout == (
        "bad.yaml:1: note: the schemas cover no document of this call [no-schema]\n  hint: they are for Other\n"
    )


def test_adapters_and_schemas_speak_in_one_list(couler_command: Couler, plugin_box: PluginBox) -> None:
    plugin_box.add("strict", LINTING_PLUGIN)
    Path("strict.yaml").write_text("kind: Strict\nsteps:\n- {name: a}\n---\n" + BAD)
    done = couler_command("lint", "--schema", "crds", "strict.yaml", "bad.yaml", "--format", "json")
    places = [(item["file"], item["line"]) for item in json.loads(done.stdout)["findings"]]
    assert places == [("strict.yaml", 3), ("strict.yaml", 9), ("strict.yaml", 11), ("bad.yaml", 5), ("bad.yaml", 7)]
    assert json.loads(done.stdout)["documents"] == 3


def test_the_engine_chooses_what_is_held_against_schemas(couler_command: Couler, plugin_box: PluginBox) -> None:
    plugin_box.add("strict", LINTING_PLUGIN)
    Path("strict.yaml").write_text("kind: Strict\nsteps:\n- {name: a}\n---\n" + BAD)
    done = couler_command("lint", "--schema", "crds", "--engine", "strict", "strict.yaml", "--format", "json")
    report = json.loads(done.stdout)
    assert [(item["line"], item["code"]) for item in report["findings"]] == [(1, "no-schema"), (3, "no-command")]
    assert report["documents"] == 1


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("none.yaml", "error: none.yaml: it cannot be read: No such file or directory\n"),
        ("crds,none/*.yaml", "error: none/*.yaml: nothing matches this pattern\n"),
        ("good.yaml", "error: good.yaml: there is no CustomResourceDefinition here\n"),
    ],
)
def test_a_schema_that_is_none_is_wrong_usage(couler_command: Couler, place: str, message: str) -> None:
    done = couler_command("lint", "--schema", place, "good.yaml")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(message)


def test_it_says_what_to_install(couler_command: Couler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    done = couler_command("lint", "--schema", "crds", "good.yaml")
    assert done.exit_code == 2
    assert f"jsonschema-rs, which is not installed\n  hint: {install_hint('lint')}\n" in done.stderr
    assert couler_command("lint", "good.yaml").exit_code == 0


def test_the_schemas_of_argo(couler_command: Couler) -> None:
    schemas = str(shared("schemas", "argo"))
    example = (CORPUS / "argo" / "dag-diamond.yaml").read_text()
    assert couler_command("lint", "--schema", schemas, stdin=example).exit_code == 0
    done = couler_command("lint", "--schema", schemas, stdin=example.replace("entrypoint:", "entryPoint:"))
    assert done.exit_code == 1
    assert "hint: did you mean 'entrypoint'?" in done.stdout
