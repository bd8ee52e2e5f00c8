"""What declared workspaces mean for tasks that come before and after, and in the settings."""

from __future__ import annotations

from pathlib import Path

from adapters.tekton.caching.tasks import cached, documents
from adapters.tekton.caching.test_rules import S3
from adapters.tekton.caching.test_workspaces import TASK
from couler_plugins.api import Text, lint, optimize
from couler_plugins.documents import dump_yaml
from couler_plugins.options.config import load_config
from support import ROOT

FILE = ROOT / "tests/corpus/tekton/cached-workspaces.yaml"


def verdicts(text: str) -> dict[str, tuple[str, object]]:
    decisions = [one for file in cached(text, S3).files for one in file.decisions]
    return {one.subject: (one.verdict, dict(one.figures).get("rule")) for one in decisions}


def test_what_reads_a_workspace_by_content_does_not_mind_who_wrote_it() -> None:
    found = verdicts(FILE.read_text())
    assert found["pipeline/clone"] == ("never", "resolver")
    assert [found[f"pipeline/{name}"][0] for name in ("format", "render")] == ["cached", "cached"]


def test_so_does_what_comes_after_another_one_without_a_key() -> None:
    text = FILE.read_text().replace("    couler.io/cache: pure\n    couler", "    couler.io/cache: never\n    couler")
    found = verdicts(text)
    assert found["pipeline/format"] == ("never", "never")
    assert found["pipeline/render"][0] == "cached"


def test_what_comes_after_a_content_by_order_alone_is_not_cached() -> None:
    report = """\
  - name: report
    runAfter: [render]
    params: [{name: level, value: $(params.level)}]
    taskSpec:
      metadata: {annotations: {couler.io/cache: pure, couler.io/max-output-bytes: "64"}}
      params: [{name: level}]
      results: [{name: r}]
      steps: [{image: busybox, script: echo $(params.level) > $(results.r.path)}]
---
"""
    first = FILE.read_text().replace("    runAfter: [format]\n", "", 1)
    found = verdicts(first.replace("---\n", report, 1))
    assert found["pipeline/render"][0] == "cached"
    assert found["pipeline/report"] == ("declarable", "lineage")


def test_settings_declare_workspaces(tmp_path: Path) -> None:
    text = TASK.replace("couler.io/cache: pure, ", "").replace(', couler.io/cache-workspace.code: "WORDS"', "")
    text = text.replace("SCRIPT", "touch made")
    rows = '[[cache.declare]]\ntask = "build"\npure = true\nworkspaces = {code = "in,out"}\n'
    (tmp_path / "couler.toml").write_text(rows)
    (tmp_path / "a.yaml").write_text(text)
    config = load_config(start=tmp_path, environ={})
    (file,) = optimize(tmp_path / "a.yaml", S3, config=config).files
    assert [one.action for one in file.decisions] == ["cache"]
    assert "--whole=file-0" in (file.text or "")


LIBRARY = """\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: p, namespace: ci}
spec:
  workspaces: [{name: source}]
  tasks:
  - {name: changed, taskRef: {name: changed-files}, workspaces: [{name: input, workspace: source}]}
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: changed-files}
spec:
  workspaces: [{name: input}]
  results: [{name: files}]
  steps: [{image: busybox, script: git diff-tree HEAD~1 > $(results.files.path)}]
"""
ROWS = """\
[[cache.declare]]
task = "changed-files"
pure = true
max-output-bytes = 512
workspaces = {input = "in"}
"""


def test_a_library_of_no_namespace_is_cached_where_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "couler.toml").write_text(ROWS)
    config = load_config(start=tmp_path, environ={})
    first = optimize(Text(LIBRARY), S3, config=config)
    verdicts_of = {one.subject: one.verdict for file in first.files for one in file.decisions if one.verdict}
    assert verdicts_of["pipeline/changed"] == "cached"
    text = "---\n".join(map(dump_yaml, documents(first)))
    assert not [one for one in lint(Text(text)).findings if one.code == "stale-key"]
    again = optimize(Text(text), S3, config=config)
    assert not again.added_documents
    assert not any(file.edits for file in again.files)
