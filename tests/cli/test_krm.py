"""`couler krm`: a ResourceList in, a ResourceList out."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from couler_plugins.cli.group import couler
from gitops_files import TWINS, WEB

HEAD: dict[str, Any] = {"apiVersion": "config.kubernetes.io/v1", "kind": "ResourceList"}
MARKS = {
    "internal.config.kubernetes.io/path": "train.yaml",
    "internal.config.kubernetes.io/index": "2",
    "config.kubernetes.io/index": "2",
    "internal.config.kubernetes.io/id": "7",
}


TEXTS = (
    *("yes", "on", "0777", "08", "0o17", "0x1F", "0b1", "1e3", "1_000", "1.", "+1", "12:30:45", "2001-12-14"),
    *("~", "null", "", "=", "<<", "-", "NaN", ".inf", " lead", "trail ", "a: b", "#x", "!tag", "- x", "@x"),
    *("a\tb", "a\r\nb", "line\n  two\n\n", "\u2028", "\ufeffx", "\x07"),
)
ODD = {**{f"t{number}": text for number, text in enumerate(TEXTS)}, "count": 12, "share": 0.5, "large": 2**63 - 1}
"""Texts that some reader of YAML takes for something else, and numbers."""


def twins(**marks: str) -> dict[str, Any]:
    workflow: dict[str, Any] = yaml.safe_load(TWINS)
    workflow["metadata"]["annotations"] = {**MARKS, "ours": "kept", **marks}
    return workflow


def krm(*items: dict[str, Any], spec: dict[str, Any] | None = None, data: dict[str, Any] | None = None) -> Result:
    config = {"kind": "ConfigMap", "data": data} if data is not None else {"kind": "Optimize", "spec": spec}
    text = json.dumps({**HEAD, "functionConfig": config, "items": items})  # with all texts in quotes
    return CliRunner().invoke(couler, ["krm"], input=text, catch_exceptions=False)


def test_items_keep_their_order_and_their_annotations() -> None:
    web = yaml.safe_load(WEB)
    done = krm(web, twins(), {**web, "metadata": {"name": "last"}}, spec={"pipeline": "dedupe"})
    output = yaml.safe_load(done.stdout)
    assert done.exit_code == 0
    assert [item["metadata"]["name"] for item in output["items"]] == ["web", "train", "last"]
    assert output["items"][0] == web
    train = output["items"][1]
    assert train["metadata"]["annotations"] == {**MARKS, "ours": "kept"}
    assert [task["template"] for task in train["spec"]["templates"][0]["dag"]["tasks"]] == ["one", "one"]
    [result] = output["results"]
    assert (result["severity"], result["file"]) == ("info", {"path": "train.yaml", "index": 2})
    assert result["resourceRef"] == {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "train"}
    assert "merge into one" in result["message"]


def test_one_name_in_two_namespaces() -> None:
    first, second = ({**twins(), "metadata": {"name": "train", "namespace": name}} for name in ("one", "two"))
    second["spec"]["templates"][2]["container"]["command"] = ["echo", "other"]
    output = yaml.safe_load(krm(first, second, spec={"pipeline": "dedupe"}).stdout)
    assert [item["metadata"]["namespace"] for item in output["items"]] == ["one", "two"]
    assert output["items"][1] == second
    assert [item["resourceRef"]["namespace"] for item in output["results"]] == ["one"]


def test_other_objects_mean_the_same() -> None:
    item = {**yaml.safe_load(WEB), "metadata": {"name": "odd", "annotations": MARKS}, "data": ODD}
    done = krm(item, twins(), spec={"pipeline": "dedupe"})
    assert yaml.safe_load(done.stdout)["items"][0] == item
    # What other readers of YAML take for a number, a truth value or a date is in quotes.
    unquoted = [line for line in done.stdout.splitlines() if re.match(r"    \w+: (?:yes|on|0\d|~|\d.*)$", line)]
    assert [line.split()[0] for line in unquoted] == ["count:", "share:", "large:", "index:"]


def test_settings_may_be_in_a_config_map() -> None:
    assert yaml.safe_load(krm(twins(), data={"pipeline": "dedupe"}).stdout)["results"]
    assert not yaml.safe_load(krm(twins(), data={"pipeline": "cache"}).stdout)["results"]


def test_new_objects_have_no_annotations_of_tools() -> None:
    done = krm(twins(), spec={"pipeline": "split{into=workflows,max-steps=1}"})
    items = yaml.safe_load(done.stdout)["items"]
    assert done.exit_code == 0, done.stderr
    assert len(items) > 1
    [own] = [item for item in items if item["metadata"]["name"] == "train" and item["kind"] == "Workflow"]
    assert own["metadata"]["annotations"].items() >= MARKS.items()
    assert not [
        item for item in items if item is not own and MARKS.keys() & item["metadata"].get("annotations", {}).keys()
    ]


def test_a_refused_workflow_stays_and_is_an_error() -> None:
    broken = twins()
    broken["spec"]["templates"][0]["name"] = 3
    done = krm(broken, {**twins(), "metadata": {"name": "good"}}, spec={"pipeline": "dedupe"})
    output = yaml.safe_load(done.stdout)
    assert done.exit_code == 2
    assert output["items"][0] == broken
    assert [item["severity"] for item in output["results"]] == ["error", "info"]
    assert "train.yaml" in done.stderr


def test_nothing_to_do_changes_nothing() -> None:
    assert yaml.safe_load(krm().stdout)["items"] == []
    web = yaml.safe_load(WEB)
    assert yaml.safe_load(krm(web).stdout)["items"] == [web]


@pytest.mark.parametrize("items", ["", "items:\n", "items: []\nfunctionConfig:\n"])
def test_a_list_may_be_empty(items: str) -> None:
    text = f"apiVersion: config.kubernetes.io/v1\r\nkind: ResourceList\r\n{items}"
    done = CliRunner().invoke(couler, ["krm"], input=text, catch_exceptions=False)
    output = yaml.safe_load(done.stdout)
    assert (done.exit_code, output["items"], output["results"]) == (0, [], []), done.stderr


@pytest.mark.parametrize("text", ["", "kind: List\nitems: []\n", "kind: ResourceList\nitems: [1]\n", "[]", "kind: ["])
def test_what_is_no_resource_list_is_refused(text: str) -> None:
    done = CliRunner().invoke(couler, ["krm"], input=text, catch_exceptions=False)
    assert (done.exit_code, done.stdout) == (2, "")


@pytest.mark.parametrize(
    ("spec", "text"),
    [({"pipelines": "dedupe"}, "there is no setting 'pipelines'"), ({"pipeline": "./a.py:A"}, "by its file")],
)
def test_settings_that_are_none_are_refused(spec: dict[str, Any], text: str) -> None:
    done = krm(twins(), spec=spec)
    assert (done.exit_code, text in done.stderr) == (2, True)
