"""Wrapped steps as they run: the emitted containers as processes, with a real store, and what goes wrong around them.

`busybox` is a script that runs the system's own programs unless COULER_BUSYBOX names a real one.
"""

from __future__ import annotations

import stat
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
TASKS = "- {name: a, template: make, arguments: {parameters: [{name: x, value: '1'}]}}\n"
TEMPLATE = """
- name: make
  metadata: {annotations: {couler.io/cache: pure}}
  inputs: {parameters: [{name: x}]}
  outputs:
    parameters: [{name: size, valueFrom: {path: /out/size}}]
    artifacts: [{name: table, path: /out/table}]
  container: {image: i, command: [sh, -c, SCRIPT, name], args: ["two words"]}
"""
SCRIPT = 'echo "$1" >> log; mkdir -p out/table; echo 3 > out/size; echo t > out/table/x; chmod +x out/table/x'


class Pods:
    """Pods of one step, one after the other: what is in them goes, what is in the store stays."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = str(folder / "store")
        self.count = 0

    def run(self, script: str = SCRIPT, **more: Any) -> Ran:
        self.count += 1
        place = self.folder / f"pod-{self.count}"
        (place / "out").mkdir(parents=True)
        found = made(workflow(TASKS, TEMPLATE.replace("SCRIPT", "RUN")), pipeline=WRAPPER).template("make")
        command = [script if text == "RUN" else text for text in found["container"]["command"]]
        container = {**found["container"], "command": command}
        store = more.pop("store", self.store)
        return pod({**found, "container": container}, place, KEY, store, **more)

    @property
    def place(self) -> Path:
        return self.folder / f"pod-{self.count}"

    def ran(self) -> bool:
        return (self.place / "log").exists()


@pytest.fixture
def pods(tmp_path: Path) -> Pods:
    return Pods(tmp_path)


def test_the_second_pod_has_the_result_of_the_first(pods: Pods) -> None:
    first = pods.run()
    assert first.code == 0, first
    assert (pods.place / "log").read_text() == "two words\n"
    second = pods.run()
    assert second.code == 0
    assert not pods.ran()
    assert "computed before" in second.stderr
    assert (pods.place / "out/size").read_text() == "3\n"
    assert (pods.place / "out/table/x").read_text() == "t\n"
    assert (pods.place / "out/table/x").stat().st_mode & stat.S_IXUSR
    with open_cache(pods.store) as cache:
        (entry,) = cache.entries()
    assert (entry.key, entry.meta.family, entry.meta.step) == (KEY, "w", "make")
    assert entry.meta.seconds is not None
    assert sorted(output.name for output in entry.outputs) == ["artifact-table", "parameter-size"]


@pytest.mark.parametrize(("end", "code"), [("exit 7", 7), ("kill -KILL $$", 137)])
def test_a_failure_is_passed_on_and_never_kept(pods: Pods, end: str, code: int) -> None:
    for _ in range(2):
        assert pods.run(f"{SCRIPT}; {end}").code == code
        assert pods.ran()


def test_a_result_without_all_its_outputs_is_not_kept(pods: Pods) -> None:
    for _ in range(2):
        assert pods.run("echo >> log; echo 3 > out/size").code == 0
        assert pods.ran()


@pytest.mark.parametrize("store", first_of(["/proc/nowhere", "nothing://b/x"]))
def test_a_store_that_is_away_is_no_harm(pods: Pods, store: str) -> None:
    found = pods.run(store=store)
    assert found.code == 0
    assert pods.ran()
    assert "nothing was restored" in found.around
    assert "the result is not kept" in found.around
    assert "Traceback" not in found.around


LINKED = "ln -s {target} /couler/kept/parameter-size; mkdir /couler/kept/artifact-table"
LINKED_INSIDE = "echo 3 > /couler/kept/parameter-size; ln -s {target} /couler/kept/artifact-table"


@pytest.mark.parametrize("links", first_of([LINKED, LINKED_INSIDE]))
def test_a_command_cannot_have_the_sidecar_read_for_it(pods: Pods, links: str) -> None:
    """The sidecar has the credentials of the store in its environment, and could read them from /proc."""
    place = f"mkdir /couler/kept; {links.format(target='/proc/self')}; echo 1 > /couler/done; sleep 2; exit 5"
    target = place.replace("-s /proc/self /couler/kept/parameter", "-s /proc/self/environ /couler/kept/parameter")
    found = pods.run(target)
    assert found.code == 5
    assert "the result is not kept" in found.around
    with open_cache(pods.store) as cache:
        assert cache.entries() == []


def test_what_the_sidecar_says_holds_nothing_that_a_command_points_it_at(pods: Pods) -> None:
    (pods.folder / "secret").write_text("geheim")
    made = "mkdir /couler/kept /couler/kept/artifact-table; echo 3 > /couler/kept/parameter-size"
    found = pods.run(f"{made}; ln -s {pods.folder}/secret /couler/done; sleep 2; exit 5")
    assert "geheim" not in found.around
    with open_cache(pods.store) as cache:
        assert [entry.meta.seconds for entry in cache.entries()] == [None]


def test_a_damaged_result_is_computed_anew(pods: Pods) -> None:
    pods.run()
    for path in Path(pods.store).glob("v1/*/blobs/*/*"):
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert pods.run().code == 0
    assert pods.ran()
    assert pods.run().code == 0
    assert not pods.ran()


@pytest.mark.slow  # the launcher waits for a sidecar that never comes
def test_a_sidecar_that_is_gone_costs_time_but_not_the_step(pods: Pods) -> None:
    found = pods.run(kill_sidecar=True)
    assert found.code == 0
    assert (pods.place / "out/size").read_text() == "3\n"
