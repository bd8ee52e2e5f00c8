"""Pods of a step whose key covers its input artifact: the emitted containers as processes, with a real store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.argo.caching.small import made, workflow
from adapters.argo.wrapper.pods import Ran, pod
from couler_plugins.caching.artifacts import open_cache
from support import first_of

pytestmark = pytest.mark.sampled

WRAPPER = "cache{via=wrapper,store=s3://bucket/cache,image=registry/couler:1,timeout=60}"
KEY = "a" * 64
TASKS = """
- {name: a, template: load}
- {name: b, template: edit, depends: a, arguments: {artifacts: [{name: t, from: "{{tasks.a.outputs.artifacts.o}}"}]}}
"""
EDIT = """
- name: edit
  metadata: {annotations: {couler.io/cache: pure}}
  inputs: {artifacts: [{name: t, path: /in/t}]}
  outputs: {artifacts: [{name: t, path: /in/t}], parameters: [{name: size, valueFrom: {path: /out/size}}]}
  container: {image: i, command: [sh, -c, RUN]}
"""
SCRIPT = "echo >> log; echo $(cat in/t/x)2 > in/t/x; echo 1 > out/size"


class Pods:
    """Pods of one step, one after the other: what is in them goes, what is in the store stays."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store, self.count = folder, str(folder / "store"), 0
        self.template = made(workflow(TASKS, EDIT), pipeline=WRAPPER).template("edit")

    def run(self, content: str = "1", script: str = SCRIPT, *, executable: bool = False, name: str = "x") -> Ran:
        self.count += 1
        (self.place / "out").mkdir(parents=True)
        (self.place / "couler-key").mkdir()
        (self.place / "in/t").mkdir(parents=True)
        (self.place / "in/t" / name).write_text(content)
        (self.place / "in/t" / name).chmod(0o755 if executable else 0o644)
        command = [script if text == "RUN" else text for text in self.template["container"]["command"]]
        container = {**self.template["container"], "command": command}
        return pod({**self.template, "container": container}, self.place, KEY, self.store)

    @property
    def place(self) -> Path:
        return self.folder / f"pod-{self.count}"

    def ran(self) -> bool:
        return (self.place / "log").exists()

    def blobs(self) -> list[Path]:
        return sorted(Path(self.store).glob("v1/*/blobs/*/*"))


@pytest.fixture
def pods(tmp_path: Path) -> Pods:
    return Pods(tmp_path)


def test_the_same_content_is_a_hit(pods: Pods) -> None:
    assert pods.run().code == 0
    assert pods.ran()
    again = pods.run()
    assert (again.code, pods.ran()) == (0, False), again
    assert (pods.place / "in/t/x").read_text() == "12\n"
    assert (pods.place / "out/size").read_text() == "1\n"
    with open_cache(pods.store) as cache:
        (entry,) = cache.entries()
    assert entry.key != KEY


@pytest.mark.parametrize("other", [{"content": "2"}, {"executable": True}, {"name": "y"}], ids=str)
def test_another_content_is_none(other: dict[str, Any], pods: Pods) -> None:
    pods.run(script="echo >> log; echo 1 > out/size")
    pods.run(script="echo >> log; echo 1 > out/size", **other)
    assert pods.ran()


def test_a_content_that_cannot_be_told_is_not_kept(pods: Pods) -> None:
    for _ in range(2):
        pods.count += 1
        (pods.place / "in/t").mkdir(parents=True)
        (pods.place / "in/t/out").symlink_to("/etc")
        pods.count -= 1
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                Path, "mkdir", lambda self, *_, _old=Path.mkdir, **more: _old(self, parents=True, exist_ok=True)
            )
            ran = pods.run()
        assert (ran.code, pods.ran()) == (0, True)
        assert "leads out of its folder" in ran.around
        assert "the result is not kept" in ran.around
    assert pods.blobs() == []


def test_a_command_cannot_have_its_result_kept_as_that_of_another_content(pods: Pods) -> None:
    """It can write into the folder that it shares with the sidecar, and the key is not there."""
    pods.run("evil", f"{SCRIPT}; echo {'b' * 64} > /couler/key; rm -rf in/t; mkdir in/t; echo 1 > in/t/x")
    with open_cache(pods.store) as cache:
        (entry,) = cache.entries()
    assert entry.key != "b" * 64
    pods.run("1")
    assert pods.ran()


def rewritten(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def rewrite(path: Path) -> None:
        path.chmod(0o644)
        path.write_bytes(change(path.read_bytes()))

    return rewrite


GONE: dict[str, Callable[[Path], None]] = {
    "deleted": Path.unlink,
    "cut off": rewritten(lambda content: content[:-1]),
    "empty": rewritten(lambda content: b""),
    "other bytes": rewritten(lambda content: b"!" * len(content)),
}


@pytest.mark.parametrize("harm", first_of([pytest.param(harm, id=name) for name, harm in GONE.items()], 2))
@pytest.mark.parametrize("which", [0, 1])
def test_a_hit_whose_artifact_is_gone_is_a_miss(harm: Callable[[Path], None], which: int, pods: Pods) -> None:
    pods.run()
    blobs = pods.blobs()
    assert len(blobs) == 2
    harm(blobs[which])
    again = pods.run()
    assert (again.code, pods.ran()) == (0, True)
    assert (pods.place / "in/t/x").read_text() == "12\n"
    assert "Traceback" not in again.around


def test_what_goes_between_the_look_up_and_the_launcher_is_a_miss(pods: Pods) -> None:
    pods.run()
    lost = {"name": "late", "image": "i", "command": ["rm", "-r", "/couler/restored/artifact-t"]}
    pods.template["initContainers"] = [*pods.template["initContainers"], lost]
    again = pods.run()
    assert (again.code, pods.ran()) == (0, True)
    assert (pods.place / "in/t/x").read_text() == "12\n"
