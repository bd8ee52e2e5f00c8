"""docs/why.md says what `couler why` prints."""

from __future__ import annotations

import json
import re
from typing import get_args

from cli.conftest import Couler
from couler_plugins.hookspecs.causes import CauseClass
from support import ROOT
from why.conftest import RECORDED

PAGE = (ROOT / "docs" / "why.md").read_text(encoding="utf-8")


def test_the_example_is_what_is_printed(why: Couler) -> None:
    ((command, printed),) = re.findall(r"^```console\n\$ (.*?)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert command.endswith("| couler why -")
    assert why("-", stdin=(RECORDED / "argo-out-of-memory.json").read_bytes()).stdout == printed


def test_each_field_is_told(why: Couler) -> None:
    said = json.loads(why(str(RECORDED / "tekton-finally.json"), "--format", "json").stdout)
    rows = dict(re.findall(r"^\| (`[a-z_`, ]+`) \| (.*) \|$", PAGE.partition("## For machines")[2], re.MULTILINE))
    fields = [name for cell in rows for name in re.findall(r"`(\w+)`", cell)]
    assert [said.pop("schema"), *said] == ["couler.why/v1", *fields]
    for name in ("run", "cause"):
        assert set(said[name]) == set(re.findall(r"`(\w+)`", rows[f"`{name}`"]))
    assert set(said["others"][0]) == set(re.findall(r"`(\w+)`", rows["`others`"]))


def test_each_class_has_its_help() -> None:
    rows = re.findall(r"^\| (`[a-z`, ]+`) \|", PAGE.partition("**Help**")[2].partition("##")[0], re.MULTILINE)
    assert {name for cell in rows for name in re.findall(r"`(\w+)`", cell)} == set(get_args(CauseClass))


def test_what_engines_do_not_tell_is_about_each() -> None:
    rows = re.findall(
        r"^\| (\w+) \|", PAGE.partition("## What engines do not tell")[2].partition("##")[0], re.MULTILINE
    )
    assert [row for row in rows if row != "engine"] == ["Argo", "Tekton", "KFP", "Airflow"]
