"""What is read of a folder: the workflows of a stranger's repository, and nothing else."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from couler_plugins import optimize
from couler_plugins.driver.session import read_workflows, session
from couler_plugins.errors import CoulerError
from couler_plugins.inputs.scanning import Skips
from couler_plugins.inputs.sources import Input
from couler_plugins.options.config import load_config
from couler_plugins.plugins import load_plugins

WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: hello-}
spec:
  entrypoint: main
  templates:
    - name: main
      container: {image: busybox, command: [echo, hello]}
"""
TASK = """\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: hello}
spec:
  steps: [{name: main, image: busybox, script: echo hello}]
"""
CHART_FILE = "apiVersion: v2\nname: hello\nversion: 0.1.0\n"
HELM = WORKFLOW.replace("generateName: hello-", 'name: "{{ .Values.name }}"')
BROKEN = WORKFLOW + "  - ]\n"

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes files, by path, into the current folder."""
    monkeypatch.chdir(tmp_path)

    def write(files: dict[str, str | bytes]) -> None:
        for name, content in files.items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return write


def scan(
    folder: str = ".", *, render: bool = False, kinds: Iterable[str] = (), engine: str | None = None
) -> tuple[list[Input], Skips]:
    config = load_config()
    work = session(config, load_plugins(config), engine=engine)
    return read_workflows(folder, config, work, kinds=kinds, render=render)


def names(folder: str = ".") -> list[str]:
    return [item.name for item in scan(folder)[0] if item.error is None]


def test_files_that_hold_workflows_are_read_and_others_are_not(write: Write) -> None:
    write(
        {
            "a.yaml": WORKFLOW,
            "deep/er/b.yml": TASK,
            "c.json": '{"apiVersion": "tekton.dev/v1", "kind": "Task", "metadata": {"name": "j"}, "spec": {}}',
            "tsconfig.json": "{\n  // a comment\n  'a': 1,\n}",
            "mkdocs.yml": "extensions: !!python/name:material.twemoji\n",
            "app.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: x}\n",
            "about.yaml": "text: argoproj.io/v1alpha1 is a group, and tekton.dev/v1 another\n",
            "secret.json": b"\xff\xfe\0\0",
            "notes.txt": WORKFLOW,
        }
    )
    assert names() == ["a.yaml", "c.json", "deep/er/b.yml"]
    assert [item.relative for item in scan("deep")[0]] == ["er/b.yml"]


def test_hidden_folders_are_searched_but_for_those_of_tools(write: Write) -> None:
    places = [".tekton/a.yaml", ".argo/b.yaml", ".hidden.yaml", ".github/workflows/c.yaml"]
    others = [".git/d.yaml", "node_modules/x/e.yaml", "venv/f.yaml"]
    write(dict.fromkeys([*places, *others], TASK) | {"venv/pyvenv.cfg": "", ".github/workflows/ci.yaml": "on: push\n"})
    assert names() == sorted(places)


def test_gitignore_files_are_honoured(write: Write) -> None:
    write(
        {
            ".gitignore": "/build/\n*.local.yaml\n!keep.local.yaml\n",
            "deep/.gitignore": "*.yaml\n!wanted.yaml\n",
            **dict.fromkeys(
                ["a.yaml", "build/b.yaml", "x.local.yaml", "keep.local.yaml", "deep/no.yaml", "deep/wanted.yaml"], TASK
            ),
        }
    )
    assert names() == ["a.yaml", "deep/wanted.yaml", "keep.local.yaml"]


def test_a_subfolder_is_under_the_rules_of_its_repository(write: Write) -> None:
    write({".git/config": "", ".gitignore": "old/\n", "ci/a.yaml": TASK, "ci/old/b.yaml": TASK})
    assert names("ci") == ["ci/a.yaml"]


def test_the_settings_leave_out_more(write: Write) -> None:
    write({"a.yaml": TASK, "vendor/b.yaml": TASK, "pyproject.toml": '[tool.couler]\nexclude = ["vendor/"]\n'})
    assert names() == ["a.yaml"]


def test_templates_of_helm_and_jinja_are_skipped_in_one_line(write: Write) -> None:
    write(
        {
            "chart/Chart.yaml": CHART_FILE,
            "chart/templates/whole.yaml": HELM,
            "chart/templates/plain.yaml": WORKFLOW,
            "chart/templates/service.yaml": "kind: Service\nname: {{ .Values.name }}\n",
            "jinja.yaml": "{% if x %}\n" + WORKFLOW + "{% endif %}\n",
        }
    )
    inputs, skips = scan()
    assert [item.name for item in inputs] == ["chart/templates/plain.yaml"]
    assert list(skips.lines()) == [
        "2 templated files skipped: render them, or see --render (chart/templates/whole.yaml, jinja.yaml)"
    ]


def test_argo_s_own_tags_are_no_template(write: Write) -> None:
    text = WORKFLOW.replace("[echo, hello]", '[echo, "{{workflow.name}}", "{{=1 + 1}}"]')
    write({"chart/Chart.yaml": CHART_FILE, "chart/templates/a.yaml": text, "b.yaml": text})
    assert names() == ["b.yaml", "chart/templates/a.yaml"]


def test_patches_of_kustomize_are_skipped(write: Write) -> None:
    patch = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: hello}\nspec: {description: other}\n"
    write(
        {
            "base/task.yaml": TASK,
            "base/kustomization.yaml": "resources: [task.yaml]\n",
            "prod/kustomization.yaml": "patches: [{path: one.yaml}]\npatchesStrategicMerge: [two.yaml]\n",
            "prod/one.yaml": patch,
            "prod/two.yaml": patch,
            "broken/kustomization.yaml": "patches: {a: [\n",
        }
    )
    inputs, skips = scan()
    assert [item.name for item in inputs] == ["base/task.yaml"]
    assert skips.patches == ["prod/one.yaml", "prod/two.yaml"]


def test_a_file_that_was_meant_as_a_workflow_and_cannot_be_read_is_an_error(write: Write) -> None:
    write({"a.yaml": WORKFLOW, "broken.yaml": BROKEN, "misnamed.yaml": WORKFLOW.replace("argoproj", "argoprj")})
    inputs, _ = scan()
    assert [(item.name, item.error is None) for item in inputs] == [
        ("a.yaml", True),
        ("broken.yaml", False),
        ("misnamed.yaml", True),
    ]


def test_programs_that_may_make_workflows_are_counted_and_not_run(write: Write) -> None:
    write({"a.yaml": TASK, "dags/etl.py": "from airflow.sdk import DAG\nraise SystemExit('it ran')\n", "b.py": "1\n"})
    inputs, skips = scan()
    assert [item.name for item in inputs] == ["a.yaml"]
    assert list(skips.lines()) == ["1 Python file that uses Airflow skipped: name a file to run it (dags/etl.py)"]


def test_a_folder_without_workflows_is_an_error_that_says_what_was_skipped(write: Write) -> None:
    write({"chart/Chart.yaml": CHART_FILE, "chart/templates/a.yaml": HELM})
    ((item,), _) = scan()
    assert isinstance(item.error, CoulerError)
    assert str(item.error).startswith(".: no workflow found in this folder\n  hint: 1 templated file skipped")


def test_one_engine_s_files_only(write: Write) -> None:
    write({"a.yaml": WORKFLOW, "b.yaml": TASK})
    assert [item.name for item in scan(engine="tekton")[0]] == ["b.yaml"]


def test_other_kinds_are_read_where_a_schema_asks_for_them(write: Write) -> None:
    write({"a.yaml": TASK, "b.yaml": "apiVersion: example.com/v1\nkind: Widget\n"})
    assert [item.name for item in scan(kinds=["Widget"])[0]] == ["a.yaml", "b.yaml"]


def test_text_is_kept_character_by_character(write: Write) -> None:
    text = ("\ufeff" + TASK).replace("\n", "\r\n").encode()
    write({"a.yaml": text})
    assert Path("a.yaml").read_bytes() == text
    file = scan()[0][0].file
    assert file is not None
    assert file.text.encode() == text


@pytest.mark.parametrize(
    ("program", "files", "expected"),
    [
        ("helm", {"x/Chart.yaml": CHART_FILE, "x/templates/a.yaml": HELM}, "x (helm template)"),
        (
            "kustomize",
            {"x/kustomization.yaml": "patches: [{path: a.yaml}]\n", "x/a.yaml": TASK},
            "x (kustomize build)",
        ),
    ],
)
def test_render_reads_what_the_tools_make(
    write: Write, monkeypatch: pytest.MonkeyPatch, program: str, files: dict[str, str], expected: str
) -> None:
    """A script stands for the tool: it cannot be installed here; what it is called with is what the tool documents."""
    script = f"#!/bin/sh\necho \"$@\" > {program}.log\ncat <<'END'\n{WORKFLOW}END\n"
    write(files | {f"bin/{program}": script})
    tool = Path("bin", program)
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{Path('bin').absolute()}{os.pathsep}/bin{os.pathsep}/usr/bin")
    inputs, skips = scan(render=True)
    assert [(item.name, item.error, item.path) for item in inputs] == [(expected, None, None)]
    assert list(skips.lines()) == []
    verb = {"helm": "template", "kustomize": "build"}[program]
    assert Path(f"{program}.log").read_text().split() == [verb, str(Path("x").absolute())]


def test_what_cannot_be_rendered_stops_nothing_else(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        {
            "x/Chart.yaml": CHART_FILE,
            "x/templates/a.yaml": HELM,
            "b.yaml": TASK,
            "bin/helm": "#!/bin/sh\necho no >&2; exit 1\n",
        }
    )
    Path("bin/helm").chmod(0o755)
    monkeypatch.setenv("PATH", str(Path("bin").absolute()))
    inputs, _ = scan(render=True)
    assert [(item.name, item.error is None) for item in inputs] == [("b.yaml", True), ("x", False)]
    Path("bin/helm").write_text("#!/bin/sh\nprintf 'apiVersion: argoproj.io/v1alpha1\\nkind: Workflow\\na: ['\n")
    inputs, _ = scan(render=True)
    error = inputs[-1].error
    assert error is not None
    assert inputs[-1].name == error.file == "x (helm template)"  # so that it counts as one that nobody named
    Path("bin/helm").unlink()
    inputs, _ = scan(render=True)
    assert "helm is not installed" in str(inputs[-1].error)


def test_results_hold_only_what_was_read_as_workflows(write: Write) -> None:
    write({"a.yaml": TASK, "package.json": "{}", "values.yaml": "a: 1\n"})
    assert [file.relative for file in optimize(".", "dedupe").files] == ["a.yaml"]


def test_a_kustomization_of_any_shape_stops_nothing(write: Write) -> None:
    shapes = ("5", "true", "text", "{path: a.yaml}", "[null, 5, [a], {path: 5}]", "")
    write({f"{number}/kustomization.yaml": f"patches: {shape}\n" for number, shape in enumerate(shapes)})
    write({"list/kustomization.yaml": "- a\n", "a.yaml": TASK})
    assert names() == ["a.yaml"]


def test_a_kind_of_any_shape_stops_nothing(write: Write) -> None:
    write({"a.yaml": TASK, "b.yaml": "apiVersion: tekton.dev/v1\nkind: [Task]\n", "c.yaml": "kind: {Task: x}\n"})
    assert names() == ["a.yaml"]
    assert [item.name for item in scan(kinds=["Task"])[0]] == ["a.yaml"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_workflow_in_utf_16_is_an_error_and_not_missed(write: Write, encoding: str) -> None:
    marked = WORKFLOW if encoding == "utf-16" else "\ufeff" + WORKFLOW
    write({"a.yaml": TASK, "b.yaml": marked.encode(encoding), "c.json": '\ufeff{"a": 1}'.encode(encoding)})
    assert [(item.name, item.error is None) for item in scan()[0]] == [("a.yaml", True), ("b.yaml", False)]


def test_a_folder_inside_of_another_changes_nothing(write: Write) -> None:
    write({"a.yaml": TASK, "ci/b.yaml": TASK, "ci/c.yaml": "{% if x %}\n" + TASK + "{% endif %}\n"})
    config = load_config()
    inputs, skips = read_workflows([".", "ci", "./ci/b.yaml"], config, session(config, load_plugins(config)))
    assert [item.name for item in inputs] == ["a.yaml", "ci/b.yaml"]
    assert skips.templated == ["ci/c.yaml"]


def test_a_glob_waits_for_no_pipe(write: Write) -> None:
    write({"a.yaml": TASK})
    os.mkfifo("b.yaml")
    assert names("*.yaml") == ["a.yaml"]


def test_folders_that_match_a_glob_are_searched_one_by_one(write: Write) -> None:
    write(
        {"a/ci/x.yaml": TASK, "a/.tekton/y.yaml": TASK, "a/values.yaml": "a: 1\n", "b/notes.txt": "", "c/z.yaml": TASK}
    )
    inputs, _ = scan("*")
    assert [(item.name, item.relative, item.error is None) for item in inputs] == [
        ("a/.tekton/y.yaml", "a/.tekton/y.yaml", True),
        ("a/ci/x.yaml", "a/ci/x.yaml", True),
        ("b", "b", False),
        ("c/z.yaml", "c/z.yaml", True),
    ]
