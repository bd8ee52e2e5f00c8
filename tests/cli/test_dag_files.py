"""DAG files on the command line: read by Airflow, explained and drawn, and never rewritten."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from airflow_history import instance
from couler_plugins import api
from couler_plugins.caching.artifacts import Meta, open_cache
from couler_plugins.cli.group import couler
from couler_plugins.errors import Unsupported
from support import ROOT

pytestmark = [pytest.mark.airflow, pytest.mark.sampled]

DAG = """
from airflow.sdk import dag, task
from couler_airflow import cached

@dag(schedule=None)
def pipeline():
    @task
    def extract():
        return [1, 2]

    @task
    def load(rows):
        print(rows)

    load(extract())

{mark}(pipeline())
"""


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `couler` where there are a DAG file that asks for caching and one that does not."""
    monkeypatch.chdir(tmp_path)
    Path("marked.py").write_text(DAG.format(mark="cached"))
    Path("plain.py").write_text(DAG.format(mark=""))
    return lambda *arguments: CliRunner().invoke(couler, arguments, catch_exceptions=False)


def test_past_runs_say_what_a_hit_saves(run: Run) -> None:
    took = [instance("extract", dag_id="pipeline", run=name, duration=seconds) for name, seconds in TOOK.items()]
    Path("runs.json").write_text(json.dumps({"task_instances": took, "total_entries": len(took)}))
    told = json.loads(run("explain", "marked.py", "--history", "runs.json", "--format", "json").stdout)
    decisions = [item for each in told["files"][0]["passes"] for item in each["decisions"]]
    (figures,) = [item["figures"] for item in decisions if item["subject"] == "pipeline/extract"]
    assert figures["seconds saved by a hit"] == 40.0


def test_results_of_workers_are_shown_by_their_tasks(run: Run) -> None:
    with open_cache("store", clock=lambda: time.time() - 90) as store:
        store.put("k", {"result": b"1"}, Meta(family="pipeline", step="extract", run="manual__1", seconds=2.5))
        store.put("other", {"result": b"1"}, Meta(family="others", step="extract"))
    shown = run("explain", "marked.py", "--store", "store").stdout
    assert (
        "      pipeline/extract: newest result: made 1 minute ago by pipeline/extract in the run manual__1 "
        "(bytes 1, seconds 2.5)\n"
    ) in shown
    assert "pipeline/load:" not in shown


TOOK = {"r1": 30.0, "r2": 50.0}
BAD = {
    "import.py": ("\n\nimport nonsense\n", 3, "ModuleNotFoundError: No module named 'nonsense'"),
    "name.py": ("\nDAG('a b')\n", 2, "has to be made of alphanumeric characters"),
    "syntax.py": ("\ndef f(:\n", 2, "SyntaxError: invalid syntax"),
    "exit.py": ("\nraise SystemExit(3)\n", 2, "SystemExit: 3"),
    "several.py": (
        "\n\nfrom airflow.sdk import BaseOperator\n\nBaseOperator(task_id='a', provide_context=True)\n",
        5,
        "Invalid arguments were passed to BaseOperator (task_id: a). Invalid arguments were: **kwargs: {'pro",
    ),
    "cause.py": (
        "\ntry:\n    import nonsense\nexcept ImportError as error:\n    raise ValueError('1\\n\\n  2') from error\n",
        5,
        "Airflow cannot import it: ValueError: 1 2",
    ),
    "mark.py": ("\nfrom couler_airflow import cached\ncached(allow=('netwrok',))\n", 3, "'netwrok' cannot be allowed"),
    "empty.py": ("\n", None, "Airflow finds no DAG in this file"),
}
"""DAG files that cannot be loaded: what follows their first line, the line that is to blame, and the reason."""


@pytest.fixture(scope="module")
def explained(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """What `couler explain` says of good and bad files, in a process of its own: logging is set up once."""
    folder = tmp_path_factory.mktemp("dags")
    (folder / "marked.py").write_text(DAG.format(mark="cached"))
    (folder / "plain.py").write_text(DAG.format(mark=""))
    for name, (text, _, _) in BAD.items():
        (folder / name).write_text(f"from airflow.sdk import DAG{text}")
    code = "from couler_plugins.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "explain", "marked.py", "plain.py", *BAD],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO"},  # which is for Airflow's own processes
        check=False,
    )


def test_explain(explained: subprocess.CompletedProcess[str]) -> None:
    assert "marked.py: 1 workflow, 2 changes\n" in explained.stdout
    assert "  pipeline\n    cached: pipeline/extract: the DAG 'pipeline' says that it is pure" in explained.stdout
    assert "plain.py: 1 workflow, no change" in explained.stdout
    assert "add @couler_airflow.cached above its function" in explained.stdout
    assert "never cached: pipeline/load\n      line 11: returned nothing: not stored" in explained.stdout
    assert "Filling up the DagBag" not in explained.stdout + explained.stderr


def test_what_optimize_asks_for_is_explained_without_a_store(run: Run) -> None:
    Path("asks.py").write_text(DAG.replace("import cached", "import optimize").format(mark="optimize"))
    told = run("explain", "asks.py").stdout
    assert "cached: pipeline/extract: the DAG 'pipeline' says that it is pure" in told
    assert "not declared" not in told


def test_a_missing_store_is_told_once_at_the_end(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW__COULER__CACHE_STORE", raising=False)
    Path("second.py").write_text(DAG.replace("pipeline", "second").format(mark="cached"))
    lines = run("explain", "marked.py", "second.py", "plain.py").stdout.splitlines()
    assert [line for line in lines if "no store" in line.lower()] == lines[-1:]
    assert (
        "cache_store = s3://bucket/cache to [couler] in airflow.cfg, or set AIRFLOW__COULER__CACHE_STORE" in lines[-1]
    )
    assert "no store" not in run("explain", "plain.py").stdout.lower()  # nobody has asked for anything there
    monkeypatch.setenv("AIRFLOW__COULER__CACHE_STORE", "/store")
    assert "no store" not in run("explain", "marked.py").stdout.lower()


def test_what_owners_vouch_for_is_told(run: Run) -> None:
    Path("vouched.py").write_text(DAG.format(mark="cached(allow=('network', 'files'))"))
    told = run("explain", "vouched.py")
    reason = "the DAG 'pipeline' says that it is pure; its owner vouches for: files, network\n"
    assert f"    cached: pipeline/extract: {reason}" in told.stdout
    passes = json.loads(run("explain", "vouched.py", "--format", "json").stdout)["files"][0]["passes"]
    decisions = {one["subject"]: one for each in passes for one in each["decisions"]}
    assert decisions["pipeline/extract"]["waived"] == ["files", "network"]


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_loaded_is_refused_with_its_line(explained: subprocess.CompletedProcess[str], name: str) -> None:
    _, line, reason = BAD[name]
    assert explained.returncode == 2
    (told,) = [text for text in explained.stderr.splitlines() if text.startswith(f"error: {name}")]
    assert told.startswith(f"error: {name}{f':{line}' if line else ''}: ")
    assert reason in told
    assert "Traceback" not in explained.stdout + explained.stderr


def test_a_wrong_mark_has_its_own_hint_alone(explained: subprocess.CompletedProcess[str]) -> None:
    lines = explained.stderr.splitlines()
    place = lines.index("error: mark.py:3: Airflow cannot import it: 'netwrok' cannot be allowed")
    words = "clock, connections, environment, files, network, programs, random, variables, configured, secret, volume"
    assert lines[place + 1] == f"  hint: did you mean 'network'? the words are {words}"
    assert "see what `python` says" not in lines[place + 2]


def test_diff_shows_what_airflow_serializes(run: Run) -> None:
    result = run("diff", "marked.py")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[:2] == ["--- marked.py", "+++ marked.py"]
    assert [line for line in lines[2:] if line.startswith(("+", "-"))] == [
        "+couler:",
        "+  cache:",
        "+  - extract",
        "+  - load",
    ]
    again = run("diff", "plain.py")
    assert (again.exit_code, again.stdout) == (0, "")
    records = run("diff", "--format", "json", "marked.py")
    (edit,) = json.loads(records.stdout)["files"][0]["edits"]
    assert (edit["op"], edit["after"], edit["new"]) == ("add", ["couler"], {"cache": ["extract", "load"]})


def test_the_parts_of_a_split_are_explained_and_shown(run: Run) -> None:
    told = run("explain", "-p", "split{max-steps=1}", "plain.py")
    assert told.exit_code == 0, told.output
    assert "      split into 2 workflows" in told.stdout
    shown = run("diff", "-p", "split{max-steps=1}", "plain.py")
    assert shown.exit_code == 0, shown.output
    assert [line for line in shown.stdout.splitlines() if line.startswith("+  dag_id: pipeline__part-")] == [
        f"+  dag_id: pipeline__part-{number}" for number in (1, 2)
    ]
    records = json.loads(run("diff", "--format", "json", "-p", "split{max-steps=1}", "plain.py").stdout)
    assert records["files"][0]["edits"]


def test_a_page_shows_the_edits_of_several_dags(run: Run) -> None:
    Path("two.py").write_text("".join(DAG.format(mark="").replace("pipeline", name) for name in ("left", "right")))
    page = run("graph", "--format", "html", "-p", "split{max-steps=1}", "two.py")
    assert page.exit_code == 0, page.output
    for name in ("left", "right"):
        assert f"target: {name}__part-1" in page.stdout


@pytest.mark.parametrize("notation", ["mermaid", "dot", "html"])
def test_graph(run: Run, notation: str) -> None:
    result = run("graph", "--format", notation, "marked.py")
    assert result.exit_code == 0, result.output
    assert "extract" in result.stdout
    assert "load" in result.stdout


@pytest.mark.parametrize(
    "arguments", [("optimize", "plain.py"), ("optimize", "-i", "marked.py"), ("optimize", "-o", "x.py", "marked.py")]
)
def test_no_dag_file_is_rewritten(run: Run, arguments: tuple[str, ...]) -> None:
    before = Path("marked.py").read_text(), Path("plain.py").read_text()
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "a DAG file is a program, and is not rewritten" in result.stderr
    assert "call couler_airflow.optimize(dag) at the end of the file" in result.stderr
    assert (Path("marked.py").read_text(), Path("plain.py").read_text()) == before
    assert not Path("x.py").exists()


def test_check_and_records_write_nothing_and_are_answered(run: Run) -> None:
    check = run("optimize", "--check", "marked.py")
    assert (check.exit_code, "would change" in check.stderr) == (1, True)
    assert run("optimize", "--check", "-p", "dedupe", "marked.py").exit_code == 0
    records = run("optimize", "--format", "json", "marked.py")
    assert json.loads(records.stdout)["files"][0]["status"] == "changed"


def test_the_library_refuses_the_text(run: Run) -> None:
    result = api.optimize("marked.py")
    assert result.changed
    with pytest.raises(Unsupported, match="is not rewritten"):
        _ = result.text
    with pytest.raises(Unsupported, match="is not rewritten"):
        _ = result.documents


def test_a_dag_that_airflow_cannot_serialize_is_refused(run: Run) -> None:
    imports = "from airflow.sdk import DAG\nfrom airflow.timetables.simple import NullTimetable\n"
    text = f"{imports}class Own(NullTimetable): ...\ndag = DAG('own', schedule=Own())\n"
    Path("own.py").write_text(text)
    result = run("explain", "own.py")
    assert result.exit_code == 2
    assert "own.py: Airflow cannot serialize the DAG 'own'" in result.stderr


def test_other_python_is_nobodys(run: Run) -> None:
    Path("other.py").write_text("raise SystemExit('this must not run')\n")
    result = run("explain", "other.py")
    assert result.exit_code == 0
    assert result.stderr.startswith("other.py: no workflow found: of Python files, only Airflow DAG files are read. ")
    assert "docs/hera.md" in result.stderr


def test_folders_are_not_searched_for_programs(run: Run) -> None:
    Path("folder").mkdir()
    Path("folder/marked.py").write_text(DAG.format(mark="cached"))
    result = run("explain", "folder")
    assert result.exit_code == 2
    assert result.stderr == (
        "error: folder: no workflow found in this folder\n"
        "  hint: 1 Python file that uses Airflow skipped: name a file to run it (marked.py)\n"
    )


def test_python_from_elsewhere_than_a_file_is_refused(run: Run) -> None:
    result = api.optimize(api.Text(DAG.format(mark=""), name="text.py"))
    assert "this is not a file" in str(result.files[0].error)


def test_listing_plugins_and_reading_manifests_imports_no_airflow(run: Run) -> None:
    Path("wf.yaml").write_text(
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: a}\nspec: {templates: []}\n"
    )
    code = "import sys; from couler_plugins.cli import main\ntry: main()\nfinally: assert 'airflow' not in sys.modules"
    path = os.pathsep.join(map(str, (ROOT, ROOT / "adapters/airflow", ROOT / "adapters/argo")))
    for arguments in (["plugins"], ["explain", "-p", "dedupe", "wf.yaml"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "airflow" in done.stdout or arguments[0] == "explain"


HELLO = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: hello}
spec:
  entrypoint: say
  templates:
  - {name: say, container: {image: busybox, command: [echo], args: [hello]}}
"""
PODS = """
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG

with DAG("pods"):
    KubernetesPodOperator(task_id="say", image="busybox", cmds=["echo"], arguments=["hello"])
"""


def test_a_manifest_becomes_a_dag_file_and_a_manifest_again(run: Run) -> None:
    Path("hello.yaml").write_text(HELLO)
    assert run("convert", "hello.yaml", "--to", "airflow", "-o", "dags/").exit_code == 0
    assert "KubernetesPodOperator(task_id='say', image='busybox'" in Path("dags/hello.py").read_text()
    assert run("convert", "hello.yaml", "--to", "airflow").stdout == Path("dags/hello.py").read_text()
    done = run("convert", "dags/hello.py", "--to", "argo")
    assert done.exit_code == 0
    assert "args:\n      - hello\n" in done.stdout


def test_a_dag_file_becomes_a_manifest_beside_others(run: Run) -> None:
    Path("pods.py").write_text(PODS)
    done = run("convert", "pods.py", "plain.py", "--to", "argo", "-o", "out")
    assert done.exit_code == 0, done.stderr
    assert sorted(path.name for path in Path("out").iterdir()) == ["plain.yaml", "pods.yaml"]
    assert "def extract(" in Path("out/plain.yaml").read_text()


def test_a_workflow_of_another_engine_is_not_written_over(run: Run) -> None:
    Path("hello.yaml").write_text(HELLO)
    done = run("convert", "hello.yaml", "--to", "airflow", "--in-place")
    assert done.exit_code == 2
    assert "needs a file of its own" in done.stderr
    assert Path("hello.yaml").read_text() == HELLO
