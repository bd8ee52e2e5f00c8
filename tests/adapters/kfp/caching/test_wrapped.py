"""Wrapped components, run by `kfp.local` and by what stands for KFP's launcher."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from adapters.kfp.caching.executing import QUIET, compiled, run
from adapters.kfp.caching.launching import Launcher, TaskRun
from adapters.kfp.caching.pipelines import functions
from adapters.kfp.caching.small import pure, text
from adapters.kfp.caching.wrapping import PIPELINE, containers, program, ran, wrapped
from couler_kfp.marks import pure as declared
from couler_plugins.api import Text, convert, lint, optimize
from couler_plugins.cli.group import couler
from couler_plugins.documents import read
from support import CORPUS

pytestmark = [QUIET, pytest.mark.sampled]
URI = "s3://bucket/data.txt"
PYTHON = ["python3", "-c", "import os, sys; os.execvp('sh', ['sh', '-c', *sys.argv[1:]])"]
WRITES = 'printf "use " >>"$COULER_TEST_LOG"; '


class Runs:
    """Runs of container components, with one store of results.

    Args:
        folder: where everything is.
        data: the pipeline.
        store: of results.
        before: what stands before each command.
    """

    def __init__(self, folder: Path, data: dict[str, Any], store: str = "", before: Sequence[str] = ()) -> None:
        self._folder = folder
        source = wrapped(text(pure(data, "exec-use")), store or folder / "results")
        self.spec = read(source.encode(), "pipeline.yaml").documents[0].data
        self.launcher = Launcher(folder, program(folder), before)

    def run(self, content: str) -> tuple[TaskRun, list[str]]:
        """What `use` has made of a content, and what was executed."""
        self.launcher.put(URI, content)
        done = self.launcher.run(self.spec)["use"]
        assert done.code == 0, done.log
        return done, ran(self._folder)

    def twice(self) -> list[list[str]]:
        """What was executed in two runs, which made the same."""
        (one, first), (other, second) = self.run("abc"), self.run("abc")
        assert seen(self, one) == seen(self, other) == ({"size": "3"}, "abc!")
        return [first, second]


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path, containers())


def seen(runs: Runs, done: TaskRun) -> tuple[dict[str, str], str]:
    return done.parameters, runs.launcher.content(done.artifacts["copy"])


def test_a_container_is_not_run_again_while_its_input_has_the_same_content(runs: Runs) -> None:
    """The address stays the same all the time: to KFP's own cache, it is one artifact, and that is off."""
    assert runs.spec["root"]["dag"]["tasks"]["use"]["cachingOptions"] == {}
    first, executed = runs.run("abc")
    assert (seen(runs, first), executed) == (({"size": "3"}, "abc!"), ["use"])
    second, executed = runs.run("abc")
    assert (seen(runs, second), executed) == (seen(runs, first), [])
    assert second.artifacts["copy"]["uri"] != first.artifacts["copy"]["uri"]
    third, executed = runs.run("abcd")
    assert (seen(runs, third), executed) == (({"size": "4"}, "abcd!"), ["use"])
    assert runs.run("abc")[1] == runs.run("abcd")[1] == []


def test_python_components_get_back_what_they_returned_and_their_metadata(tmp_path: Path, monkeypatch: Any) -> None:
    pytest.importorskip("kfp", reason="needs kfp")
    source = compiled(functions(declared), tmp_path).read_text("utf-8")
    cached = wrapped(Text(source), tmp_path / "results")
    for name, value in program(tmp_path).items():
        monkeypatch.setenv(name, value)
    first, _ = run(cached, tmp_path / "first")
    assert (first, ran(tmp_path)) == ({"Output": 6}, ["draw", "train"])
    second, _ = run(cached, tmp_path / "second")
    assert (second, ran(tmp_path)) == (first, ["draw"])
    metadata = [_metadata(tmp_path / root) for root in ("first", "second")]
    assert metadata[0] == metadata[1]
    assert metadata[0]["artifacts"]["model"]["artifacts"][0]["metadata"] == {"length": 3}
    assert metadata[0]["artifacts"]["metrics"]["artifacts"][0]["metadata"] == {"accuracy": 0.5}
    monkeypatch.setenv("DRAWN", "abcd")  # under the same name, by the same task
    third, _ = run(cached, tmp_path / "third")
    assert (third, ran(tmp_path)) == ({"Output": 8}, ["draw", "train"])


def _metadata(root: Path) -> Any:
    """What the executor of `train` has written, with its own addresses taken out."""
    (path,) = root.rglob("train/executor_output.json")
    content = json.loads(path.read_text().replace(str(path.parent), "HERE"))
    assert {item["artifacts"][0]["uri"] for item in content["artifacts"].values()} == {"HERE/model", "HERE/metrics"}
    return content


def test_a_command_that_begins_with_python_needs_no_shell(tmp_path: Path) -> None:
    runs = Runs(tmp_path, containers(PYTHON))
    words = runs.spec["deploymentSpec"]["executors"]["exec-use"]["container"]["command"]
    assert words[:2] == ["python3", "-c"]
    assert runs.twice() == [["use"], []]


@pytest.mark.parametrize(
    "command", [["sh", "-c"], ["python3", "-c", "import os,sys; os.execvp('sh', ['sh', '-c', *sys.argv[1:]])"]]
)
@pytest.mark.parametrize("broken", ["absent", "old", "no Python"])
def test_where_the_program_cannot_be_run_the_command_is(tmp_path: Path, command: list[str], broken: str) -> None:
    runs = Runs(tmp_path, containers(command))
    couler = tmp_path / "bin/couler"
    couler.unlink()
    if broken != "absent":
        couler.write_text("#!/bin/sh\necho Usage >&2; exit 2\n" if broken == "old" else "#!/nowhere/python3\n")
        couler.chmod(0o755)
    assert runs.twice() == [["use"], ["use"]]


@pytest.mark.parametrize("store", [pytest.param("file:///proc/nowhere", marks=pytest.mark.slow), "nothing://there"])
def test_where_the_store_is_down_the_command_runs(tmp_path: Path, store: str) -> None:
    runs = Runs(tmp_path, containers(), store)
    done, executed = runs.run("abc")
    assert (seen(runs, done), executed) == (({"size": "3"}, "abc!"), ["use"])
    assert "warning" in done.log
    assert runs.twice() == [["use"], ["use"]]


def test_what_fails_fails_as_before_and_is_not_kept(tmp_path: Path) -> None:
    data = containers()
    data["spec"]["deploymentSpec"]["executors"]["exec-use"]["container"]["command"][2] = (
        'printf "use " >>"$COULER_TEST_LOG"; exit 7'
    )
    runs = Runs(tmp_path, data)
    runs.launcher.put(URI, "abc")
    assert [runs.launcher.run(runs.spec)["use"].code for _ in range(2)] == [7, 7]
    assert ran(tmp_path) == ["use", "use"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ('cp "$0" "$1"; printf "%s" "$1" >"$2"', "its outputs name a place of this run"),
        ('cp "$0" "$1"; printf 1 >"$2"; printf x >>"$0"', "was changed while it ran"),
        ('cp "$0" "$1"; dirname "$1" >"$2"', "its outputs name a place of this run"),
        ('printf 1 >"$2"', "has made no file for its output 'copy'"),
        ('ln -s "$0" "$1"; printf 1 >"$2"', "neither a file nor a folder"),
    ],
)
def test_what_another_run_could_not_use_is_not_kept(tmp_path: Path, script: str, reason: str) -> None:
    data = containers()
    container = data["spec"]["deploymentSpec"]["executors"]["exec-use"]["container"]
    container["command"][2] = f"{WRITES}{script}"
    runs = Runs(tmp_path, data)
    for _ in range(2):
        done, executed = runs.run("abc")
        assert executed == ["use"]
        assert reason in done.log


def test_an_address_that_the_command_reads_is_in_the_key(tmp_path: Path) -> None:
    """It is the same here in each run; the name in the metadata store is not."""
    data = containers()
    data["spec"]["deploymentSpec"]["executors"]["exec-use"]["container"]["args"].append(
        "{{$.inputs.artifacts['data'].uri}}"
    )
    assert Runs(tmp_path, data).twice() == [["use"], ["use"]]


@pytest.mark.parametrize(
    ("said", "hits"),
    [
        ("open(data.path)", True),
        ("dict(data.metadata)", True),
        ("if data is not None: open(data.path)", True),
        ("if data is None is not data: pass", False),
        ("if data == other: pass", False),
        ("print(data.uri)", False),
        ("print(data.name)", False),
        ("helper(data)", False),
        ("vars()", False),
    ],
)
def test_what_a_function_reads_of_an_artifact(said: str, hits: bool) -> None:
    from couler_kfp.cache.wrapping import wrapped as wrap
    from couler_plugins.api import lift
    from couler_plugins.caching.wrapping import Wrapper

    data = containers()
    launch = (
        'program_path=$(mktemp -d)\nprintf "%s" "$0" > "$program_path/ephemeral_component.py"\n_KFP_RUNTIME=true '
        'python3 -m kfp.dsl.executor_main --component_module_path "$program_path/ephemeral_component.py" "$@"\n'
    )
    container = data["spec"]["deploymentSpec"]["executors"]["exec-use"]["container"]
    container["command"] = ["sh", "-ec", launch, f"def use(data: Input[Dataset]):\n    {said}\n"]
    container["args"] = ["--executor_input", "{{$}}", "--function_to_execute", "use"]
    (workflow,) = lift(text(data)).workflows
    (operation,) = [item for item in workflow.operations if item.kind == "container"]
    words = wrap(operation, Wrapper(store="s3://b/c", image="", program="couler"), "f").containers[0].command
    assert any(getattr(word, "value", "") == "--identity" for word in words) is not hits


def test_tasks_without_a_salt_run_although_they_share_a_wrapped_component(runs: Runs) -> None:
    use = runs.spec["root"]["dag"]["tasks"]["use"]
    other = {**use, "inputs": {**use["inputs"], "parameters": {"word": {"runtimeValue": {"constant": "!"}}}}}
    runs.spec["root"]["dag"]["tasks"] = {"load": runs.spec["root"]["dag"]["tasks"]["load"], "use": other}
    assert runs.twice() == [["use"], ["use"]]


NEEDED = ("click", "couler_plugins", "fsspec", "markdown_it", "mdurl", "msgspec", "numpy", "pathspec", "pluggy")
NEEDED_TOO = ("pygments", "rich", "rustworkx", "stamina", "tenacity", "yaml")
ELSEWHERE = """mkdir -p "$1$0" "$1/dev" && mount --bind "$1" "$1" && mount --rbind /dev "$1/dev" &&
mount --bind "$0" "$1$0" && mount -o remount,bind,ro "$1" && image=$1 && shift &&
! touch "$image/x" 2>/dev/null && exec chroot --userspec=65534:65534 "$image" "$@"
"""


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.skipif(not (shutil.which("busybox") and shutil.which("chroot")), reason="needs busybox and chroot")
@pytest.mark.skipif(
    not shutil.which("unshare") or subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0,
    reason="no mounts of one's own here",
)
def test_a_copy_of_the_program_runs_in_any_image_as_any_user_with_a_read_only_root(tmp_path: Path) -> None:
    """The image has a shell of busybox and nothing else. The copy is what an init container makes."""
    image, work, packages = (tmp_path / name for name in ("image", "work", "packages"))
    for folder in (image / "bin", work / "tmp", work / "results", packages):
        folder.mkdir(parents=True)
    for name in (*NEEDED, *NEEDED_TOO):
        (packages / name).symlink_to(Path(str(find_spec(name).origin)).parent)  # type: ignore[union-attr]
    copied = CliRunner().invoke(couler, ["cache", "component-program", str(work), f"--packages={packages}"])
    assert (copied.exit_code, copied.output) == (0, "")
    shutil.copy(str(shutil.which("busybox")), image / "bin/busybox")
    for name in ("sh", "cp", "wc", "tr"):
        (image / "bin" / name).symlink_to("busybox")
    runs = Runs(work, containers(), before=["unshare", "-m", "sh", "-c", ELSEWHERE, str(work), str(image)])
    runs.launcher.environment.update(PATH=f"{work}:/bin:/usr/sbin", TMPDIR=str(work / "tmp"), HOME="/nowhere")
    runs.launcher.environment.pop("PYTHONPATH", None)
    for folder in (work, work / "log", work / "tmp", work / "results", *tmp_path.parents[:2], tmp_path):
        folder.chmod(0o777)
    assert runs.twice() == [["use"], []]


def test_lint_finds_a_component_that_was_edited_after_it_was_wrapped() -> None:
    text_wrapped = wrapped(text(pure(containers(), "exec-use")), "s3://bucket/cache")
    assert [item.code for item in lint(Text(text_wrapped, "p.yaml")).findings] == []
    edited = text_wrapped.replace("0" * 64, "1" * 64)
    assert [item.code for item in lint(Text(edited, "p.yaml")).findings] == ["stale-key"]


def config(options: str) -> Any:
    """The platform configuration of `use`, wrapped with these options."""
    (file,) = optimize(
        text(pure(containers(), "exec-use")), f"cache{{via=wrapper,store=s3://bucket/cache,{options}}}"
    ).files
    assert file.error is None, file.error
    return file.documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-use"]


def test_an_init_container_brings_the_program() -> None:
    made = config("image=registry/couler@sha256:1,secret=s3")
    (init,) = made["initContainers"]
    assert (init["image"], init["command"][-1]) == ("registry/couler@sha256:1", "/couler-program")
    assert made["emptyDirMounts"] == [{"volumeName": "couler-program", "mountPath": "/couler-program"}]
    (secret,) = made["secretAsEnv"]
    assert secret["secretNameParameter"] == {"runtimeValue": {"constant": "s3"}}
    assert all(item["envVar"] == f"COULER_SECRET_{item['secretKey']}" for item in secret["keyToEnv"])


@pytest.mark.parametrize("options", ["program=couler", "image=i,secret=s3", "program=couler,assume-pure=true"])
def test_wrapping_twice_changes_nothing_and_it_comes_off_again(options: str) -> None:
    data = containers() if "assume" in options else pure(containers(), "exec-use")
    source, pipeline = text(data), f"cache{{via=wrapper,store=s3://bucket/cache,{options}}}"
    (once,) = optimize(source, pipeline).files
    (twice,) = optimize(Text(str(once.text)), pipeline).files
    (off,) = optimize(Text(str(once.text)), "cache").files
    assert once.text == twice.text
    bare, start = off.documents, [item.data for item in read(source.content, "p").documents]
    assert bare[0]["deploymentSpec"] == start[0]["deploymentSpec"]
    assert list(bare[1:]) == start[1:]


@pytest.mark.parametrize(
    ("command", "rule"), [(["tool"], "no-shell"), (["{{$.inputs.parameters['word']}}"], "no-shell"), (["sh", "-c"], "")]
)
def test_what_may_have_no_shell_is_not_wrapped_and_the_reason_says_so(command: list[str], rule: str) -> None:
    (file,) = optimize(text(pure(containers(command), "exec-use")), PIPELINE).files
    (decision,) = [item for item in file.decisions if item.subject == "root/use"]
    assert ("component-run" in str(file.text)) is not bool(rule)
    assert rule in str(decision)


def test_kfp_reads_and_compiles_what_was_written(tmp_path: Path) -> None:
    pytest.importorskip("kfp", reason="needs kfp")
    from kfp import compiler, components

    source = compiled(functions(declared), tmp_path).read_text("utf-8")
    (file,) = optimize(Text(source), "cache{via=wrapper,store=s3://bucket/cache,image=i,secret=s3}").files
    component = components.load_component_from_text(str(file.text))
    compiler.Compiler().compile(component, str(tmp_path / "again.yaml"))
    documents = [item.data for item in read((tmp_path / "again.yaml").read_bytes(), "again.yaml").documents]
    assert documents[0]["deploymentSpec"] == json.loads(json.dumps(file.documents[0]["deploymentSpec"]))


def test_local_runs_leave_wrappers_and_installations_out(tmp_path: Path) -> None:
    pytest.importorskip("kfp", reason="needs kfp")
    from couler_kfp.run.offline import offline

    source = Text(compiled(functions(declared), tmp_path).read_text("utf-8"))
    (file,) = optimize(source, "cache{via=wrapper,store=s3://bucket/cache,image=i}").files
    (bare,) = optimize(source, "cache").files
    own, plain = (offline(one.documents[0])["deploymentSpec"]["executors"] for one in (file, bare))
    assert own == plain


def test_lint_sees_through_a_wrapper() -> None:
    data = containers()
    data["spec"]["deploymentSpec"]["executors"]["exec-use"]["container"]["args"].pop(2)  # the file of an output
    for one in (text(pure(data, "exec-use")), Text(wrapped(text(pure(data, "exec-use")), "s3://bucket/cache"))):
        assert [item.code for item in lint(one).findings] == ["unwritten-output"]


@pytest.mark.parametrize("options", ["program=couler", "image=i,secret=s3"])
def test_other_engines_get_neither_wrapper_nor_salt(options: str) -> None:
    source = CORPUS / "kfp/python-artifacts.yaml"
    (once,) = optimize(source, f"cache{{via=wrapper,store=s3://bucket/cache,assume-pure=true,{options}}}").files
    assert "component-run" in str(once.text)
    (bare,) = convert(source, to="argo").files
    (converted,) = convert(Text(str(once.text), "once.yaml"), to="argo").files
    assert (converted.error, converted.text) == (None, bare.text)
