"""`couler images`: which images are asked for, and what becomes of every answer.

Programs that stand in for crane, oras and skopeo answer here, since no test reaches a registry of others. The last test
asks a real registry with the real programs, where these are installed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner, Result

from couler_plugins.cli.group import couler
from couler_plugins.ir import is_image
from couler_plugins.net import registries
from couler_plugins.net.registries import CLIENTS, RegistryClient, full_name, registry_client
from servers.registry import PROGRAM, push_image, push_index, registry

WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: images-}
spec:
  entrypoint: one
  templates:
  - {name: one, container: {image: "alpine:3"}}  # twice
  - {name: two, container: {image: "alpine:3"}}
  - {name: three, container: {image: "registry.example.com/team/busybox"}}
  - {name: four, inputs: {parameters: [{name: image}]}, container: {image: "{{inputs.parameters.image}}"}}
  - {name: five, container: {image: "alpine@sha256:%s"}}
  - {name: six, container: {image: "--help"}}
"""
A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
Images = Callable[..., Result]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Writes a stand-in for a client: a body in Python, with the arguments in `words`. PATH has no other program."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))

    def write(name: str, body: str) -> None:
        lines = ["import os, sys, time", "words = sys.argv[1:]", "open(os.environ['CALLS'], 'a').write(f'{words}\\n')"]
        program = folder / name
        program.write_text("\n".join([f"#!{sys.executable}", *lines, dedent(body)]))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    return write


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Images:
    """Runs `couler images` on the workflow, in a folder of its own."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("workflow.yaml").write_text(WORKFLOW.replace("%s", "0" * 64))
    return lambda *arguments: CliRunner().invoke(
        couler, ["images", "workflow.yaml", *arguments], catch_exceptions=False
    )


def calls(tmp_path: Path) -> list[str]:
    file = tmp_path / "calls"
    return sorted(file.read_text().splitlines()) if file.exists() else []


ANSWER = f"print('{A}' if 'alpine' in words[-1] else '{B}')"
BOTH = {"alpine:3": A, "registry.example.com/team/busybox": B}
MANIFEST = '{"schemaVersion": 2}\n'


@pytest.mark.parametrize("client", CLIENTS, ids=lambda item: item.name)
def test_each_tag_is_asked_for_once(
    client: RegistryClient, images: Images, programs: Callable[[str, str], None], tmp_path: Path
) -> None:
    programs(client.name, f"sys.stdout.write({MANIFEST!r})" if client.prints_manifest else ANSWER)
    done = images()
    digest = f"sha256:{hashlib.sha256(MANIFEST.encode()).hexdigest()}"
    expected = dict.fromkeys(BOTH, digest) if client.prints_manifest else BOTH
    assert (json.loads(done.stdout), done.exit_code) == (expected, 0)
    assert done.stderr == "2 images, 0 without a digest\n"
    named = ["docker.io/library/alpine:3", "registry.example.com/team/busybox:latest"]
    assert calls(tmp_path) == [str([*client.command[1:], client.prefix + name]) for name in named]


def test_the_file_makes_the_pipeline_repeatable(
    images: Images, programs: Callable[[str, str], None], tmp_path: Path
) -> None:
    programs("crane", ANSWER)
    assert images("-o", "images.json").exit_code == 0
    text = Path("images.json").read_text()
    assert text == json.dumps(BOTH, indent=2) + "\n"
    before = calls(tmp_path)
    optimized = CliRunner().invoke(couler, ["optimize", "-p", "pin{map=images.json}", "workflow.yaml"])
    assert optimized.exit_code == 0
    assert optimized.stdout.count(f'"alpine:3@{A}"') == 2
    assert optimized.stdout.count(f'"registry.example.com/team/busybox@{B}"') == 1
    assert images("-o", "images.json").exit_code == 0
    assert (calls(tmp_path), Path("images.json").read_text()) == (before, text)


def test_update_asks_again_and_keeps_what_gets_no_answer(images: Images, programs: Callable[[str, str], None]) -> None:
    Path("images.json").write_text(json.dumps({**BOTH, "elsewhere:1": A}))
    programs(
        "oras", f"print('{B}') if 'alpine' in words[-1] else sys.exit('Error: no\\nError: password=hush is wrong')"
    )
    done = images("-o", "images.json", "--update")
    assert done.exit_code == 0
    assert json.loads(Path("images.json").read_text()) == {**BOTH, "alpine:3": B, "elsewhere:1": A}
    assert "busybox has no new digest: oras failed: Error: password=*** is wrong" in done.stderr
    assert "hint: try `oras login`, or write its digest into the file" in done.stderr
    assert "hush" not in done.stderr
    assert done.stderr.endswith("2 images, 0 without a digest\n")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("sys.exit(3)", "crane failed: exit code 3"),
        ("print('sha256:short')", "crane printed something else than a digest"),
        (f"print('{A}', '{B}')", "crane printed something else than a digest"),
        ("os.write(1, bytes(range(256)))", "crane printed something else than a digest"),
        ("print(sys.stdin.read())", "crane printed something else than a digest"),
        ("time.sleep(60)", "crane does not answer within 0.3 seconds"),
    ],
)
def test_a_client_that_fails_is_a_warning(
    body: str, reason: str, images: Images, programs: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registries, "SECONDS", 0.3 if "sleep" in body else 30)
    programs("crane", body)
    done = images()
    assert (json.loads(done.stdout), done.exit_code) == ({}, 0)
    assert f"alpine:3 has no new digest: {reason}\n" in done.stderr
    assert done.stderr.endswith("2 images, 2 without a digest\n")


NO_MANIFESTS = ["", "[2]", "hello", '{"schemaVersion": 1}', pytest.param("[" * 100_000, id="deep")]


@pytest.mark.parametrize("printed", NO_MANIFESTS)
def test_what_is_no_manifest_has_no_digest(printed: str, images: Images, programs: Callable[[str, str], None]) -> None:
    programs("skopeo", f"print({printed!r})")
    done = images()
    assert (json.loads(done.stdout), done.exit_code) == ({}, 0)
    assert "alpine:3 has no new digest: skopeo printed something else than a manifest\n" in done.stderr


def test_a_client_has_to_be_installed_where_one_is_needed(images: Images, programs: Callable[[str, str], None]) -> None:
    done = images()
    assert done.exit_code == 2
    assert "crane or oras or skopeo is not installed" in done.stderr
    programs("crane", ANSWER)
    done = images("--client", "skopeo")
    assert done.exit_code == 2
    assert "skopeo is not installed" in done.stderr
    assert json.loads(images("--client", "crane").stdout) == BOTH
    Path("images.json").write_text(json.dumps(BOTH))
    assert images("--client", "skopeo", "-o", "images.json").exit_code == 0


def test_the_file_is_checked_before_anybody_is_asked(
    images: Images, programs: Callable[[str, str], None], tmp_path: Path
) -> None:
    programs("crane", ANSWER)
    Path("images.json").write_text('{"alpine:3": "sha256:00"}')
    done = images("-o", "images.json")
    assert (done.exit_code, calls(tmp_path)) == (2, [])
    assert "'alpine:3' has no digest of the form sha256:…" in done.stderr
    assert images("-o", "workflow.yaml").exit_code == 2
    assert Path("workflow.yaml").read_text().startswith("apiVersion")


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("python", "docker.io/library/python:latest"),
        ("python:3", "docker.io/library/python:3"),
        ("docker.io/python", "docker.io/library/python:latest"),
        ("team/name", "docker.io/team/name:latest"),
        ("localhost/name:1", "localhost/name:1"),
        ("localhost:5000/name", "localhost:5000/name:latest"),
        ("Host/name:1", "Host/name:1"),
        ("[::1]:5000/name:1", "[::1]:5000/name:1"),
        ("gcr.io/a/b/c:1", "gcr.io/a/b/c:1"),
    ],
)
def test_full_names(image: str, name: str) -> None:
    assert is_image(image)
    assert full_name(image) == name


@pytest.mark.parametrize(
    "text", ["", "-a", "--help", "a b", "A", "a:", "a@sha256:1", "../a", "https://a/b", "a\n", "$(a)"]
)
def test_what_is_no_image_reaches_no_command_line(text: str) -> None:
    assert not is_image(text)


needs_registry = pytest.mark.skipif(PROGRAM is None, reason="needs docker-registry (Debian's package of that name)")


@needs_registry
@pytest.mark.parametrize("name", [client.name for client in CLIENTS])
def test_real_clients_ask_a_real_registry(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not shutil.which(name):
        pytest.skip(f"needs {name} on PATH")
    client = registry_client(name)
    with registry(tmp_path) as host:
        # Of these three, only skopeo does not know by itself that localhost speaks HTTP.
        settings = tmp_path / ".config" / "containers" / "registries.conf"
        settings.parent.mkdir(parents=True)
        settings.write_text(f'[[registry]]\nlocation = "{host}"\ninsecure = true\n')
        monkeypatch.setenv("HOME", str(tmp_path))
        one = push_image(host, "team/app", "1")["digest"]
        several = push_index(host, "team/app", "2", "arm64", "amd64")
        others = push_index(host, "team/app", "3", "riscv64", "s390x")
        images = [f"{host}/team/app:{tag}" for tag in ("1", "2", "3", "4")]
        *answers, (nothing, reason) = client.digests(images)
        assert answers == [(one, ""), (several, ""), (others, "")]
        assert nothing == ""
        assert reason.startswith(f"{name} failed: ")
        moved = push_image(host, "team/app", "1", "arm64")["digest"]
        assert moved != one
        assert client.digest(images[0]) == (moved, "")
