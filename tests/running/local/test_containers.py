"""Steps that run in containers of their images, by a podman that has its own store and one image made of busybox."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from couler_argo.plugin import ArgoAdapter
from couler_plugins.documents import read
from couler_plugins.errors import CoulerError, Unsupported
from couler_plugins.hookspecs.running import Request
from couler_plugins.running.local.containers import Containers
from couler_plugins.running.local.jobs import works_of
from running.local.running import runs, workflow
from servers.processes import until

COULER = (sys.executable, "-c", "from couler_plugins.cli import main; main()")
IMAGE = "docker.io/library/busybox:1"
STORAGE = '[storage]\ndriver = "vfs"\ngraphroot = "{0}/store"\nrunroot = "{0}/run"\n'
SETTINGS = """
[containers]
netns = "host"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
tmp_dir = "{0}/tmp"
"""
"""As little as podman needs: where tests run it may set up no network, and raise no limit."""


def podman(*words: object) -> str:
    done = subprocess.run(["podman", *map(str, words)], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    busybox = shutil.which("busybox")
    if shutil.which("podman") is None or busybox is None:
        pytest.skip("needs Debian's podman and busybox-static")
    folder = tmp_path_factory.mktemp("podman")
    (folder / "storage.conf").write_text(STORAGE.format(folder))
    (folder / "containers.conf").write_text(SETTINGS.format(folder))
    with tarfile.open(folder / "root.tar", "w") as tar:
        tar.add(busybox, "bin/busybox")
        for name in ("sh", "cat", "cp", "echo", "id", "ln", "mkdir", "pwd", "sleep", "test", "touch"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        for name in ("tmp", "srv"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
            tar.addfile(entry)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONTAINERS_STORAGE_CONF", str(folder / "storage.conf"))
        patch.setenv("CONTAINERS_CONF", str(folder / "containers.conf"))
        try:
            podman("import", "--change", 'CMD ["echo", "by itself"]', folder / "root.tar", IMAGE)
            podman("run", "--rm", "--log-driver", "none", IMAGE)
        except AssertionError as error:
            pytest.skip(f"podman does not work here: {str(error).splitlines()[0]:.200}")
        yield Containers.ask("podman")
        left = podman("ps", "--all", "--format", "{{.Names}}")
    assert left == ""


MAIN = """
dag:
  tasks:
  - {name: a, template: make, arguments: {parameters: [{name: v, value: v w}]}}
  - name: b
    depends: a
    template: use
    arguments: {artifacts: [{name: f, from: "{{tasks.a.outputs.artifacts.f}}"}]}
  - {name: c, depends: b, template: bare}
outputs:
  parameters:
  - {name: link, valueFrom: {parameter: "{{tasks.a.outputs.parameters.link}}"}}
  - {name: said, valueFrom: {parameter: "{{tasks.b.outputs.result}}"}}
  - {name: bare, valueFrom: {parameter: "{{tasks.c.outputs.result}}"}}
  artifacts:
  - {name: kept, from: "{{tasks.b.outputs.artifacts.kept}}"}
"""
MAKE = """
inputs: {parameters: [{name: v}]}
volumes: [{name: scratch, emptyDir: {}}]
container:
  image: busybox:1
  command: [sh, -c]
  args: ['pwd > f; echo "$0 $1" >> f; touch /scratch/x; cp f /claim/f; ln -s /srv/f /link', $(B), "$$(B)"]
  workingDir: /srv
  env: [{name: A, value: "{{inputs.parameters.v}}"}, {name: B, value: "<$(A)>"}]
  volumeMounts: [{name: scratch, mountPath: /scratch}, {name: claim, mountPath: /claim}]
  resources: {limits: {cpu: 64, memory: 64Mi}}
outputs:
  parameters: [{name: link, valueFrom: {path: /link}}]
  artifacts: [{name: f, path: /srv/f}, {name: x, path: /scratch}, {name: none, path: /none, optional: true}]
"""
USE = """
inputs: {artifacts: [{name: f, path: /in/here}]}
volumes: [{name: scratch, emptyDir: {}}]
script:
  image: docker.io/library/busybox:1
  command: [sh]
  securityContext: {runAsUser: 1000}
  volumeMounts: [{name: scratch, mountPath: /scratch}, {name: claim, mountPath: /claim, readOnly: true}]
  source: |
    id -u
    cat /in/here /claim/f
    test -e /scratch/x || echo fresh
    touch /claim/g || touch /scratch/y
outputs: {artifacts: [{name: kept, path: /in/here}, {name: late, path: /scratch/y}]}
"""
BARE = "container: {image: busybox:1}"


def claimed(text: str) -> str:
    claims = "volumeClaimTemplates: [{metadata: {name: claim}, spec: {accessModes: [ReadWriteOnce]}}]"
    return text.replace("  entrypoint: main\n", f"  entrypoint: main\n  {claims}\n")


def test_a_container_runs_in_its_image(engine: Containers, tmp_path: Path) -> None:
    text = claimed(workflow(MAKE)).replace(
        "  entrypoint", "  arguments: {parameters: [{name: v, value: x}]}\n  entrypoint"
    )
    ran = runs(text, tmp_path, containers=engine)
    assert (ran.well, ran.outputs["link"]) == (True, "/srv\n<x> $(B)"), ran.status


@pytest.mark.slow  # three containers
def test_steps_run_in_their_images_and_hand_on_files(engine: Containers, tmp_path: Path) -> None:
    ran = runs(claimed(workflow(MAIN, make=MAKE, use=USE, bare=BARE)), tmp_path, containers=engine)
    assert ran.well, ran.status
    made = "/srv\n<v w> $(B)\n"
    assert ran.outputs["link"] == made.strip()
    assert ran.outputs["said"] == f"1000\n{made}{made}fresh"
    assert ran.outputs["bare"] == "by itself"
    assert Path(ran.outputs["kept"]).read_text() == made
    assert (ran.folder / "volumes" / "volume-claim" / "f").read_text() == made
    (script,) = ran.folder.glob("steps/main.a-*/1/container")
    wanted = f"--cpus {os.cpu_count():.3f} --memory {64 << 20} " if engine.cpus and engine.memory else ""
    assert wanted in script.read_text()
    assert not list(ran.folder.glob("steps/*/1/mounts"))


@pytest.mark.slow  # three containers
def test_failures_say_why_and_end_their_containers(engine: Containers, tmp_path: Path) -> None:
    body = "container: {{image: {}, command: [sh, -c, 'echo begun; exec sleep 1000']}}\n"
    late = runs(workflow("timeout: 15s\n" + body.format("busybox:1")), tmp_path, run="late", containers=engine)
    assert (late.well, "the time was up" in late.status.message, "begun" in late.status.message) == (False, True, True)
    absent = runs(workflow(body.format("localhost/absent:1")), tmp_path, run="absent", containers=engine)
    assert not absent.well
    assert all(part in absent.status.message for part in ("exit code 125", "localhost/absent"))
    failing = runs(workflow(body.format("busybox:1").replace("1000", "x")), tmp_path, run="x", containers=engine)
    assert "exit code 1, see" in failing.status.message
    assert podman("ps", "--all", "--format", "{{.Names}}") == ""


@pytest.mark.slow  # starts processes of the command line
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_who_ends_the_run_ends_its_containers(engine: Containers, tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "w.yaml").write_text(workflow("container: {image: busybox:1, command: [sleep, '1000']}"))
    command = [*COULER, "run", "w.yaml", "--local", "--containers", "podman"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: bool(podman("ps", "--quiet")) or process.poll() is not None, 60, "the start of the container")
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == (130 if number == signal.SIGINT else -number), said
    until(lambda: not podman("ps", "--all", "--quiet"), 60, "the end of the container")


@pytest.mark.slow
def test_a_container_reaches_nothing_by_its_links(engine: Containers, tmp_path: Path) -> None:
    """Links in what is mounted, and in one output where the next would be put, lead to what the container sees."""
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "s").write_text("a secret of the machine")
    command = f"ln -s {secret} /v/l; mkdir /out /back; ln -s {secret} /out/l; ln -s /back {tmp_path}"
    text = f"""
volumes: [{{name: v, emptyDir: {{}}}}]
container:
  image: busybox:1
  command: [sh, -c, "mkdir -p {secret}; echo own > {secret}/s; {command}"]
  volumeMounts: [{{name: v, mountPath: /v}}]
outputs:
  parameters: [{{name: read, valueFrom: {{path: /v/l/s, default: none}}}}]
  artifacts: [{{name: out, path: /out}}, {{name: in, path: /out/l/s}}]
"""
    ran = runs(workflow(text), tmp_path, containers=engine)
    assert "leads out" in ran.status.message or "link" in ran.status.message, ran.status
    assert (secret / "s").read_text() == "a secret of the machine"
    found = [path.read_text() for path in ran.folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert not [text for text in found if "a secret of the machine" in text]


def one(container: str = "image: i", **fields: str) -> str:
    more = "".join(f"{name}: {content}\n" for name, content in fields.items())
    return workflow(f"container: {{{container}}}\n{more}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (one("command: [x]"), "it has no image"),
        (one("image: i, envFrom: [{secretRef: {name: s}}]"), "its environment comes from a secret or a ConfigMap"),
        (one("image: i, env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]"), "'A' comes from a secret"),
        (one("image: i, securityContext: {privileged: true}"), "it asks for more rights than a container has"),
        (one("image: i, securityContext: {capabilities: {add: [SYS_ADMIN]}}"), "it asks for more rights"),
        (one(podSpecPatch="'{}'"), "its podSpecPatch has a meaning only in a cluster"),
        (one(sidecars="[{name: s, image: i}]"), "it has a sidecar"),
        (one(outputs="{artifacts: [{name: a, path: /tmp/../a}]}"), "is no absolute path of a file"),
        (one(outputs="{artifacts: [{name: a, path: /a, s3: {key: k}}]}"), "goes to a place of its own (s3)"),
        (workflow("suspend: {}"), "its kind is suspend, and --local runs only scripts and containers"),
        *(
            (
                one("image: i, volumeMounts: [{name: v, mountPath: /v}]", volumes=f"[{{name: v, {kind}: {{}}}}]"),
                f"it mounts the volume 'v', a {kind} of its cluster; to try it here, hand the content on",
            )
            for kind in ("hostPath", "secret", "configMap", "persistentVolumeClaim")
        ),
        (
            one("image: i, volumeMounts: [{name: v, mountPath: /v, subPath: s}]", volumes="[{name: v, emptyDir: {}}]"),
            "its mount of 'v' has 'subPath'",
        ),
    ],
)
def test_what_no_container_here_can_be_is_refused(text: str, reason: str) -> None:
    documents = [document.data for document in read(text, "w.yaml").documents]
    with pytest.raises(Unsupported) as caught:
        works_of(ArgoAdapter(), documents, Request(run="r"), contained=True)
    assert reason in str(caught.value)


@pytest.mark.parametrize("image", ["--privileged", "i"])
def test_nothing_in_a_workflow_is_an_option(tmp_path: Path, image: str) -> None:
    text = one(f"image: {image}", volumes="[{name: ../v, emptyDir: {}}]").replace(
        "image: i}", "image: i, volumeMounts: [{name: ../v, mountPath: /v}]}"
    )
    ran = runs(text, tmp_path, containers=Containers("podman"))
    reason = "it has no image that can be run" if image != "i" else "'../v' is no name of a volume"
    assert reason in ran.status.message
    assert not list(tmp_path.rglob("container"))


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"host": {"cgroupControllers": ["memory", "pids"]}}, Containers("docker", cpus=False, memory=True)),
        ({"CpuCfsQuota": True, "MemoryLimit": True}, Containers("docker", cpus=True, memory=True)),
        ({"ServerErrors": ["no daemon"]}, "docker does not work here: no daemon"),
        ("what is this", "docker does not work here: "),
        (None, "docker is not installed"),
    ],
)
def test_an_engine_says_what_it_can_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: object, found: Containers | str
) -> None:
    if said is not None:
        (tmp_path / "docker").write_text(f"#!/bin/sh\necho '{json.dumps(said)}'\n")
        (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    if isinstance(found, Containers):
        assert Containers.ask("docker") == found
        return
    with pytest.raises(CoulerError, match=found):
        Containers.ask("docker")
