"""One file never decides for others, whoever fails on it, and wherever."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from couler_plugins.cli.group import couler
from couler_plugins.driver.isolation import without_failing
from couler_plugins.errors import CoulerError, InvalidInput, PluginFailure
from couler_plugins.options.config import load_config
from couler_plugins.plugins import OPTIMIZERS, load_plugins

pytestmark = pytest.mark.sampled

ARGO = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: {name}}}
spec:
  entrypoint: main
  templates:
    - name: main
      container: {{image: busybox, command: [echo, hello]}}
"""
TEKTON = """\
apiVersion: tekton.dev/v1
kind: Task
metadata: {{name: {name}}}
spec:
  steps: [{{name: main, image: busybox, script: echo hello}}]
"""
KFP = """\
components:
  comp-say: {{executorLabel: exec-say}}
deploymentSpec:
  executors:
    exec-say: {{container: {{image: busybox, command: [echo, hello]}}}}
pipelineInfo: {{name: {name}}}
root:
  dag:
    tasks:
      say: {{componentRef: {{name: comp-say}}, taskInfo: {{name: say}}}}
schemaVersion: 2.1.0
sdkVersion: kfp-2.17.0
"""
AIRFLOW = """\
from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("{name}"):
    EmptyOperator(task_id="main")
"""
TEXTS = {"argo": ARGO, "tekton": TEKTON, "kfp": KFP, "airflow": AIRFLOW}
CULPRIT = "w4"


@pytest.fixture(params=[*sorted({*TEXTS} - {"airflow"}), pytest.param("airflow", marks=pytest.mark.airflow)])
def engine(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An engine, with ten of its workflows in the current folder."""
    monkeypatch.chdir(tmp_path)
    for number in range(10):
        Path(f"w{number}{suffix(request.param)}").write_text(TEXTS[request.param].format(name=f"w{number}"))
    return str(request.param)


def names_culprit(value: Any) -> bool:
    """Whether a value (files, a bundle, a plan) holds the workflow that is failed on."""
    if isinstance(value, (list, tuple)):
        return any(map(names_culprit, value))
    if hasattr(value, "text"):  # a file or a document; one that is left out is blank
        return CULPRIT in value.text
    members = getattr(value, "workflows", None)
    if members is not None:
        return any(workflow.name == CULPRIT for workflow in members)
    return names_culprit(value.files) if hasattr(value, "files") else False


def fail_on_culprit(holder: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a method raise an `AssertionError` without words where it is given the culprit."""
    original: Callable[..., Any] = getattr(holder, name)

    def faulty(self: Any, *arguments: Any, **options: Any) -> Any:
        given = [list(item) if hasattr(item, "__next__") else item for item in arguments]
        if any(map(names_culprit, given)):
            raise AssertionError
        return original(self, *given, **options)

    monkeypatch.setattr(holder, name, faulty)


def suffix(engine: str) -> str:
    return ".py" if engine == "airflow" else ".yaml"


def call(command: str, engine: str, *options: str) -> Result:
    """Calls a command on the folder, or on the ten files where a folder is not searched for them."""
    files = ["."] if engine != "airflow" else [f"w{number}.py" for number in range(10)]
    return CliRunner().invoke(couler, [command, *options, *files], catch_exceptions=False)


def reported(output: str) -> list[str]:
    return sorted({f"w{number}" for number in range(10) if f"w{number}.yaml" in output or f"w{number}.py" in output})


OTHERS = [f"w{number}" for number in range(10) if f"w{number}" != CULPRIT]


@pytest.mark.parametrize("method", ["claims", "load", "lift", "lower"])
def test_an_adapter_that_fails_on_one_file(engine: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_on_culprit(type(load_plugins(load_config()).adapter(engine)), method, monkeypatch)
    done = call("explain", engine)
    assert done.exit_code == 1
    assert reported(done.stdout) == OTHERS
    place = {"load": "lift"}.get(method, method)
    start = f"error: {CULPRIT}{suffix(engine)}: internal error: the adapter '{engine}' failed in {place}(): "
    assert f"{start}AssertionError (in " in done.stderr
    assert "report it with the file and what -v prints" in done.stderr
    assert done.stderr.count("error: ") == 2  # "error: …: internal error: …"


@pytest.mark.parametrize("name", sorted(load_plugins(load_config()).all(OPTIMIZERS)))
def test_an_optimizer_that_fails_on_one_file(engine: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plugins = load_plugins(load_config())
    fail_on_culprit(plugins.get(OPTIMIZERS, name), "run", monkeypatch)
    Path("images.json").write_text("{}")
    needed = {"pin": "{map=images.json}", "queue": "{name=user}"}
    done = call("explain", engine, "-p", f"{name}{needed.get(name, '')}")
    assert done.exit_code == 1
    assert reported(done.stdout) == OTHERS
    assert f"error: {CULPRIT}{suffix(engine)}: the optimizer '{name}' raised AssertionError (in " in done.stderr


def test_lint_that_fails_on_one_file(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_on_culprit(type(load_plugins(load_config()).adapter(engine)), "lint", monkeypatch)
    done = call("lint", engine)
    assert done.exit_code == 1
    assert (
        f"error: {CULPRIT}{suffix(engine)}: internal error: the adapter '{engine}' failed in lint(): AssertionError"
        in done.stderr
    )
    assert f"{len(OTHERS)} documents checked" in done.stderr


def test_the_page_shows_the_others(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_on_culprit(type(load_plugins(load_config()).adapter(engine)), "lift", monkeypatch)
    done = call("graph", engine, "--format", "html")
    assert done.exit_code == 1
    assert set(OTHERS) <= set(reported(done.stdout))
    assert f"error: {CULPRIT}{suffix(engine)}: internal error" in done.stderr


def test_files_that_are_fine_alone_and_fail_together() -> None:
    """The last of them is refused: the shortest row of files that fails ends with it."""
    refused: dict[int, CoulerError] = {}
    tries = 0

    def attempt(left_out: frozenset[int]) -> list[int]:
        nonlocal tries
        tries += 1
        rest = [number for number in range(100) if number not in left_out]
        if {20, 70} <= set(rest):
            raise PluginFailure("two are too many")
        return rest

    result = without_failing([f"f{n}" for n in range(100)], range(100), attempt, refused.setdefault)
    assert (len(result), list(refused)) == (99, [70])
    assert tries < 120


def test_an_error_that_names_a_file_is_about_it() -> None:
    refused: dict[int, CoulerError] = {}

    def attempt(left_out: frozenset[int]) -> int:
        if 1 not in left_out:
            raise InvalidInput("odd", file="b")
        return 3 - len(left_out)

    assert without_failing(["a", "b", "c"], range(3), attempt, refused.setdefault) == 2
    assert list(refused) == [1]


def test_an_error_that_names_no_file_is_about_those_that_bring_it_about() -> None:
    refused: dict[int, CoulerError] = {}

    def attempt(left_out: frozenset[int]) -> int:
        if 1 not in left_out:
            raise InvalidInput("odd")
        return 3 - len(left_out)

    assert without_failing(["a", "b", "c"], range(3), attempt, refused.setdefault) == 2
    assert [(number, str(error)) for number, error in refused.items()] == [(1, "b: odd")]


def test_an_error_about_no_file_is_raised() -> None:
    def attempt(left_out: frozenset[int]) -> None:
        raise InvalidInput("no such option")

    with pytest.raises(InvalidInput, match="no such option"):
        without_failing(["a", "b"], range(2), attempt, lambda *_: sys.exit("refused"))


@pytest.mark.parametrize(
    ("command", "method", "answer"), [("explain", "lift", None), ("explain", "dump", 5), ("lint", "lint", ["remark"])]
)
def test_an_adapter_that_answers_nonsense(
    engine: str, command: str, method: str, answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(load_plugins(load_config()).adapter(engine)), method, lambda *_: answer)
    done = call(command, engine)
    assert done.exit_code == 1
    assert f"internal error: the adapter '{engine}' failed in " in done.stderr
    assert "(): TypeError: it gives a " in done.stderr or method == "dump"


def test_an_error_that_cannot_be_printed(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class OddError(Exception):
        def __str__(self) -> str:
            raise ValueError("no words")

    def faulty(*_: object) -> None:
        raise OddError

    monkeypatch.setattr(type(load_plugins(load_config()).adapter(engine)), "lift", faulty)
    done = call("explain", engine)
    assert done.exit_code == 1
    assert f"internal error: the adapter '{engine}' failed in lift(): OddError" in done.stderr


def test_an_adapter_that_ends_the_program(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(load_plugins(load_config()).adapter(engine)), "claims", lambda *_: sys.exit(7))
    done = call("explain", engine)
    assert done.exit_code == 1
    assert f"internal error: the adapter '{engine}' failed in claims(): SystemExit" in done.stderr


def test_a_failure_on_all_files_is_told_once(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = type(load_plugins(load_config()).adapter(engine))

    def faulty(*_: Any) -> None:
        raise ValueError("always")

    monkeypatch.setattr(adapter, "lift", faulty)
    done = call("explain", engine)
    assert done.exit_code == 1
    assert done.stderr.count("always") == 1
