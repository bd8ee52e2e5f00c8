"""Wrapped commands in manifests: when, how, under which keys, and without a trace when it is no longer asked for."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from adapters.argo.caching.small import made
from adapters.argo.crd import violations
from adapters.argo.wrapper.manifests import TEMPLATES, WRAPPER, container, document, option, template
from couler_plugins.api import lint
from couler_plugins.errors import InvalidInput


def test_a_command_stands_behind_the_launcher() -> None:
    found = made(document(), pipeline=WRAPPER)
    size = template(found, "size")
    assert "memoize" not in size
    launcher = ["/couler/busybox", "sh", "/couler/launch", "600"]
    assert size["container"]["command"] == [
        *launcher,
        "parameter-size=/out/size",
        "artifact-table=/out/table",
        "--",
        "size",
    ]
    assert size["container"]["args"] == ["{{inputs.parameters.x}}"]
    assert [one["name"] for one in size["initContainers"]] == ["first", "couler-restore"]
    mounted = [one["name"] for one in size["container"]["volumeMounts"]]
    assert mounted == ["tmp", "couler-cache"]
    assert {"name": "couler-cache", "emptyDir": {}} in size["volumes"]
    read = template(found, "read")
    assert read["script"]["command"] == [*launcher, "parameter-mean=/out/mean", "--", "python", "-u"]
    assert read["script"]["source"] == "print(1)"


def test_only_our_own_containers_know_the_store_and_its_secret() -> None:
    found = made(document(), pipeline=WRAPPER.replace("}", ",secret=s3,namespace=team}"))
    size = template(found, "size")
    ours = [container(size, "initContainers", "couler-restore"), container(size, "sidecars", "couler-save")]
    for one in ours:
        assert one["envFrom"] == [{"secretRef": {"name": "s3"}}]
        assert option(one, "store") == "s3://bucket/cache"
        assert option(one, "namespace") == "team"
    rest = [size["container"], container(size, "initContainers", "first")]
    assert all("s3" not in json.dumps(one) for one in rest)


def test_the_keys_are_those_that_memoization_has() -> None:
    """The same template, kept natively because its outputs are bounded, has the same key."""
    wrapped = made(document(), pipeline=WRAPPER)
    bounded = TEMPLATES.replace("couler.io/cache: ", 'couler.io/max-output-bytes: "64", couler.io/cache: ')
    memoized = made(document(bounded), pipeline=WRAPPER)
    for name in ("size", "read"):
        key = template(memoized, name)["memoize"]["key"]
        item = template(wrapped, name)
        for kind, one in (("initContainers", "couler-restore"), ("sidecars", "couler-save")):
            assert option(container(item, kind, one), "key") == key
    assert template(wrapped, "read")["inputs"] == template(memoized, "read")["inputs"]


def test_a_time_to_live_is_handed_on() -> None:
    restore = container(template(made(document(), pipeline=WRAPPER), "read"), "initContainers", "couler-restore")
    assert option(restore, "max-age") == "86400s"


def test_it_is_optimised_once() -> None:
    once = made(document(), pipeline=WRAPPER).documents
    again = made(copy.deepcopy(once[0]), pipeline=WRAPPER)
    assert not again.changed
    assert again.documents == once


@pytest.mark.parametrize("pipeline", ["cache", "cache{via=memoize}"])
def test_it_goes_without_a_trace(pipeline: str) -> None:
    once = made(document(), pipeline=WRAPPER).documents[0]
    assert made(copy.deepcopy(once), pipeline=pipeline).documents == [document()]


def test_without_an_optimizer_it_stays() -> None:
    once = made(document(), pipeline=WRAPPER).documents[0]
    assert not made(copy.deepcopy(once), pipeline="dedupe").changed


def test_other_options_replace_those_before() -> None:
    once = made(document(), pipeline=WRAPPER).documents[0]
    other = WRAPPER.replace("registry/couler:1", "registry/couler:2")
    assert made(copy.deepcopy(once), pipeline=other).documents == made(document(), pipeline=other).documents


def test_the_schema_and_lint_have_nothing_against_it() -> None:
    before, after = document(), made(document(), pipeline=WRAPPER).documents[0]
    assert violations(after) == violations(before)
    assert not lint([after]).findings


EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "arguments": lambda item: item["container"]["args"].append("-v"),
    "command": lambda item: item["container"]["command"].append("-v"),
    "image": lambda item: item["container"].update(image="k"),
    "init container": lambda item: item["initContainers"][0].update(command=["other"]),
    "the key": lambda item: item["initContainers"][1]["args"].append("--key=other"),
    "the store": lambda item: item["sidecars"][0]["args"].insert(0, "--store=s3://other"),
    "the wrapper": lambda item: item["sidecars"].clear(),
    "the launcher": lambda item: item["container"].update(command=["--"]),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_is_edited_afterwards_is_found(edit: Callable[[dict[str, Any]], object]) -> None:
    found = made(document(), pipeline=WRAPPER)
    edit(template(found, "size"))
    assert any("stale-key" in str(item) for item in lint(found.documents).findings)


@pytest.mark.parametrize("missing", ["store=s3://bucket/cache,", ",image=registry/couler:1"])
def test_it_needs_a_store_and_an_image(missing: str) -> None:
    with pytest.raises(InvalidInput, match="via=wrapper needs the option"):
        made(document(), pipeline=WRAPPER.replace(missing, ""))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("store=s3://AKIA:secret@bucket/cache", "has credentials"),
        ("store=s3://bucket/cache,timeout=-1", "1 to 86,400 seconds"),
        ("store=s3://bucket/cache,namespace=Bad/NS", "cannot be a namespace"),
        ("store=/data/cache", "do not share"),
    ],
)
def test_an_option_that_would_harm_every_step_is_refused(said: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as error:
        made(document(), pipeline=WRAPPER.replace("store=s3://bucket/cache", said))
    assert "AKIA" not in error.value.message
