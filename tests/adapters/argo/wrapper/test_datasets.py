"""Declared datasets of a wrapped step: an init container of ours fetches them, out of the store where it can."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.argo.caching.small import made, workflow
from adapters.argo.wrapper.manifests import container
from adapters.argo.wrapper.pods import Ran, pod
from couler_plugins.api import lint, optimize
from couler_plugins.options.config import Config, read_rows
from servers.counting import Counted, counting_server

pytestmark = pytest.mark.sampled

WRAPPER = "cache{via=wrapper,store=s3://bucket/cache,image=registry/couler:1,timeout=60}"
URL = "https://example.org/raw.csv"
TEMPLATE = """
- name: count
  metadata: {annotations: {couler.io/cache: pure, couler.io/dataset.raw: "VERSION"}}
  inputs: {artifacts: [{name: raw, path: /in/raw, PLACE}]}
  outputs: {parameters: [{name: lines, valueFrom: {path: /out/lines}}]}
  container: {image: i, command: [sh, -c, "echo >> log; wc -l < in/raw > out/lines"]}
"""
PLACE = f"http: {{url: '{URL}'}}, archive: {{none: {{}}}}"


def document(place: str = PLACE, version: str = "7", **more: Any) -> dict[str, Any]:
    template = TEMPLATE.replace("PLACE", place).replace("VERSION", version)
    found = workflow("- {name: a, template: count}\n", template)
    found["spec"]["templates"][-1] |= more
    return found


def wrapped(**said: Any) -> dict[str, Any]:
    return made(document(**said), pipeline=WRAPPER).template("count")


def artifact(template: dict[str, Any]) -> dict[str, Any]:
    (found,) = template["inputs"]["artifacts"]
    assert isinstance(found, dict)
    return found


def test_argo_puts_a_text_there_and_we_the_dataset() -> None:
    template = wrapped()
    text = json.dumps({"couler.io/dataset": URL, "version": "7"}, separators=(",", ":"))
    place = {"name": "raw", "path": "/in/raw", "raw": {"data": text}}
    assert artifact(template) == place | {"archive": {"none": {}}, "mode": 0o777}
    assert [one["name"] for one in template["initContainers"]] == ["couler-fetch", "couler-restore"]
    ours = container(template, "initContainers", "couler-fetch")
    assert (ours["command"], ours["args"][-2:]) == (["couler", "cache", "pod-fetch", "/couler"], ["--", "/in/raw"])
    assert ours["mirrorVolumeMounts"] is True
    assert not lint(made(document(), pipeline=WRAPPER).documents).findings


@pytest.mark.parametrize("version", ["7", "etag:abc", "etag:W/'abc'", 'etag:W/\\"abc\\"', f"sha256:{'0' * 64}"])
def test_all_of_it_goes_again(version: str) -> None:
    bare, once = document(version=version), made(document(version=version), pipeline=WRAPPER).documents
    assert made(once[0], pipeline=WRAPPER).documents == once
    assert made(once[0], pipeline="cache").documents == [bare]


@pytest.mark.parametrize(
    "place",
    [
        f"http: {{url: '{URL}'}}",
        PLACE.replace("raw.csv", "{{workflow.name}}"),
        PLACE.replace("'}", "', headers: [{name: a, value: b}]}"),
        f"{PLACE}, optional: true",
        f"{PLACE}, mode: 420",
        "s3: {key: raw.csv}, archive: {none: {}}",
    ],
)
def test_what_argo_would_read_otherwise_stays_with_argo(place: str) -> None:
    assert artifact(wrapped(place=place)) == artifact(document(place)["spec"]["templates"][-1])


@pytest.mark.parametrize("version", ["sha256:1", "sha256:", "etag:", "{{workflow.name}}", "7" * 5000])
def test_a_text_that_a_pod_would_not_understand_is_not_written(version: str) -> None:
    assert "http" in artifact(wrapped(version=version))


def test_one_with_a_deadline_stays_with_argo() -> None:
    assert "http" in artifact(wrapped(activeDeadlineSeconds=60))


def test_a_row_of_the_settings_declares_it_as_well(tmp_path: Path) -> None:
    file = tmp_path / "couler.toml"
    file.write_text(f'[[cache.declare]]\nurl = "{URL}"\nversion = "7"\n')
    other = document()
    del other["spec"]["templates"][-1]["metadata"]["annotations"]["couler.io/dataset.raw"]
    result = optimize([other], pipeline=WRAPPER, config=Config(rows=read_rows(file)))
    (found,) = [item for item in result.documents[0]["spec"]["templates"] if item["name"] == "count"]
    assert artifact(found) == artifact(wrapped())
    assert "these inputs come out of the store: raw" in str(result.decisions[-1])


class Pods:
    """Pods of the step, with one store."""

    def __init__(self, server: Counted, folder: Path) -> None:
        self.server, self.folder, self.count = server, folder, 0
        self.store = str(folder / "store")

    def run(self, version: str, text: str = "") -> Ran:
        self.count += 1
        for name in ("in", "out", "couler", "couler-key"):
            (self.place / name).mkdir(parents=True)
        template = wrapped(place=PLACE.replace(URL, self.server.url), version=version)
        (self.place / "in/raw").write_text(text or artifact(template)["raw"]["data"])
        return pod(template, self.place, "a" * 64, self.store)

    @property
    def place(self) -> Path:
        return self.folder / f"pod-{self.count}"

    def lines(self) -> str:
        return (self.place / "out/lines").read_text().strip()


@pytest.fixture
def pods(tmp_path: Path) -> Iterator[Pods]:
    (tmp_path / "web").mkdir()
    with counting_server(tmp_path / "web") as server:
        yield Pods(server, tmp_path)


def test_a_version_is_fetched_once(pods: Pods) -> None:
    assert (pods.run("7").code, pods.lines(), pods.server.fetched) == (0, "1", 1)
    assert (pods.run("7").code, pods.lines(), pods.server.fetched) == (0, "1", 1)
    assert not (pods.place / "log").exists()
    pods.server.content.write_bytes(b"1\n2\n")
    assert (pods.run("8").code, pods.lines(), pods.server.fetched) == (0, "2", 2)


def test_what_a_call_passes_stays(pods: Pods) -> None:
    assert (pods.run("7", "a\nb\nc\n").code, pods.lines(), pods.server.fetched) == (0, "3", 0)


@pytest.mark.slow
@pytest.mark.parametrize("store", ["nonsense://x", "s3://bucket/x", "/dev/null/x"])
def test_without_a_store_it_is_downloaded(pods: Pods, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    pods.store = store
    ran = pods.run("7")
    assert (ran.code, pods.lines(), pods.server.fetched) == (0, "1", 1)
    assert "going on without the cache" in ran.around


@pytest.mark.slow
def test_another_content_than_declared_fails_the_step(pods: Pods) -> None:
    with pytest.raises(AssertionError, match="its sha256 is") as refused:
        pods.run(f"sha256:{'0' * 64}")
    assert "is not what was declared" in str(refused.value)
    right = hashlib.sha256(pods.server.content.read_bytes()).hexdigest()
    assert (pods.run(f"sha256:{right}").code, pods.lines()) == (0, "1")
