"""`declare` writes rows of the settings into documents: afterwards `cache` decides without the rows as with them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from string import ascii_lowercase

import pytest

from couler_plugins.api import optimize
from couler_plugins.driver.results import FileResult, Result
from couler_plugins.errors import InvalidInput
from couler_plugins.inputs.sources import Text
from couler_plugins.options.config import Config, load_config
from couler_plugins.plugins import load_plugins
from support import ROOT, SHARED, first_of, own_files, where_shared

# KFP warns of itself when it loads what was written.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
    pytest.mark.sampled,
]
NAMES = json.dumps([f"{letter}*" for letter in ascii_lowercase])
FEW = json.dumps([f"{letter}*" for letter in ascii_lowercase[:13]])
ROWS = {
    "tasks": f'task = {NAMES}\npure = true\nallow = ["secret", "network"]\nmax-output-bytes = 64\nversion = 2',
    "steps": f'step = {FEW}\nttl = "7d"\n[[cache.declare]]\nstep = {NAMES}\nallow = ["order"]',
    "never": "never = true",
    "bounds": f"max-output-bytes = 32\n[[cache.declare]]\ntask = {FEW}\npure = true",
}
FIELD = [
    pytest.param(path, id=path.parent.name) for path in sorted((ROOT / "examples" / "field").glob("*/couler.toml"))
]
STAYS = ("stays", "cannot be set")
CASES = ["argo-steps", "tekton-tasks", "kfp-steps", "kfp-tasks"]
CASES += [f"{engine}-{said}" for engine in ("argo", "tekton") for said in ROWS if f"{engine}-{said}" not in CASES]
ECHOES = {("several-runs.yaml", "steps"), ("v1beta1.yaml", "steps")}
"""Runs that repeat the verdicts on calls of a Pipeline, of which it is told there what stays."""
PLUGINS = cache(lambda: load_plugins(load_config(environ={})))
ARGO = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: nightly-}
spec:
  entrypoint: main
  templates:
    - name: main
      dag:
        tasks:
          - {name: one, template: train, arguments: {parameters: [{name: day, value: "1"}]}}
          - {name: two, template: train, arguments: {parameters: [{name: day, value: "2"}]}}
    - name: train  # the big one
      metadata: {labels: {team: data}ANNOTATIONS}
      inputs: {parameters: [{name: day}]}
      outputs: {parameters: [{name: loss, valueFrom: {path: /loss}}]}
      container: {image: "registry.example/train:1", command: [train]}
"""


def settings(folder: Path, rows: str) -> Config:
    folder.mkdir(exist_ok=True)
    (folder / "couler.toml").write_text(rows)
    return load_config(start=folder, environ={})


def optimized(source: Sequence[Text], pipeline: str, config: Config) -> Result:
    return optimize(source, pipeline, config=config, plugins=PLUGINS())


def verdicts(result: Result) -> dict[tuple[str, str, str], tuple[object, ...]]:
    return {
        (file.name, item.workflow, item.subject): (
            item.verdict,
            item.waived,
            sorted({one.rule for one in item.objections}),
        )
        for file in result.files
        for item in file.decisions
        if item.verdict
    }


def written(files: Sequence[FileResult], texts: Sequence[Text]) -> list[Text]:
    return [old if file.text is None else Text(file.text, file.name) for file, old in zip(files, texts, strict=True)]


def compare(texts: Sequence[Text], rows: Config, bare: Config) -> tuple[int, set[tuple[str, str, str]]]:
    """How many verdicts the rows decide, and those that are others after `declare` although nothing was said of it."""
    declared = optimized(texts, "declare", rows)
    new = written(declared.files, texts)
    assert not [file.name for file in optimized(new, "declare", rows).files if file.status == "changed"]
    assert all(item.reason for file in declared.files for item in file.decisions)
    untraced = {edit.subject for file in declared.files for edit in file.edits if edit.decision is None}
    assert untraced <= {"main/both"}, "`map_steps` traces no call of a copy inside of a graph that is written inline"
    stays = {
        (file.name, item.workflow, item.subject)
        for file in declared.files
        for item in file.decisions
        if any(word in item.reason for word in STAYS)
    }
    without, with_rows, after = (
        verdicts(optimized(source, "cache", config)) for source, config in ((texts, bare), (texts, rows), (new, bare))
    )
    others = {place for place, said in with_rows.items() if after.get(place) != said and place not in stays}
    return sum(without[place] != said for place, said in with_rows.items()), others


@pytest.mark.parametrize("path", first_of(where_shared("corpus/field", FIELD), 2))
def test_the_field_is_cached_without_its_rows_as_with_them(path: Path, tmp_path: Path) -> None:
    folder = SHARED / "corpus" / "field" / path.parent.name
    files = [file for file in sorted(folder.rglob("*")) if file.suffix in (".yaml", ".yml") and file.is_file()]
    texts = [Text(file.read_text(), str(file.relative_to(folder))) for file in files]
    effect, others = compare(texts, settings(tmp_path / "rows", path.read_text()), settings(tmp_path / "bare", ""))
    assert effect
    assert others == set()


@pytest.mark.parametrize("case", first_of(CASES, 3))
def test_our_corpus_is_cached_without_rows_as_with_them(case: str, tmp_path: Path) -> None:
    """Each file by itself; what only its row can say is told, and does not count."""
    engine, said = case.split("-")
    rows, bare = settings(tmp_path / "rows", f"[[cache.declare]]\n{ROWS[said]}"), settings(tmp_path / "bare", "")
    effects = 0
    for path in own_files(engine):
        text = [Text(path.read_text(), path.name)]
        if (path.name, said) not in ECHOES and optimized(text, "cache", rows).files[0].error is None:
            effect, others = compare(text, rows, bare)
            assert others == set()
            effects += effect
    assert effects >= 40


def declared(rows: str, folder: Path, annotations: str = "") -> tuple[str, list[str]]:
    """What becomes of the annotations of the template, and what is told."""
    text = ARGO.replace("ANNOTATIONS", f", annotations: {{{annotations}}}" if annotations else "")
    (file,) = optimize([Text(text, "w.yaml")], "declare", config=settings(folder / "rows", rows)).files
    line = next(line for line in (file.text or text).splitlines() if "metadata: {labels" in line)
    assert "# the big one" in (file.text or text)
    return line.strip(), [item.reason for item in file.decisions]


@pytest.mark.parametrize(
    ("rows", "own", "expected"),
    [
        ('task = "train"\npure = true', "", "couler.io/cache: pure"),
        ('task = "train"\nttl = "7d"', "couler.io/cache: pure", "couler.io/cache: pure"),
        ("never = true", "couler.io/cache: pure", "couler.io/cache: never"),
        ('task = "train"\npure = true', "couler.io/cache: never", "couler.io/cache: never"),
        (
            'task = "train"\nallow = ["order", "network"]',
            'couler.io/cache-allow: "secret,order"',
            'couler.io/cache-allow: "secret,order,network"',
        ),
        ('task = "train"\nversion = 3', "", 'couler.io/cache-version: "3"'),
        ('task = "train"\nversion = 3', 'couler.io/cache-version: "2"', 'couler.io/cache-version: "2, 3"'),
        ('task = "train"\nversion = 3', 'couler.io/cache-version: "2, 3"', 'couler.io/cache-version: "2, 3"'),
        ("max-output-bytes = 64", 'couler.io/max-output-bytes: "8"', 'couler.io/max-output-bytes: "8"'),
        ('task = "train"\ndatasets = {raw = 7}', "", 'couler.io/dataset.raw: "7"'),
    ],
)
def test_what_is_nearer_stays_and_versions_add_up(rows: str, own: str, expected: str, tmp_path: Path) -> None:
    line, _ = declared(f"[[cache.declare]]\n{rows}", tmp_path, own)
    assert line == f"metadata: {{labels: {{team: data}}, annotations: {{{expected}}}}}"


def test_what_a_row_says_of_one_call_is_written_into_a_copy(tmp_path: Path) -> None:
    rows = settings(tmp_path, '[[cache.declare]]\nstep = "two"\npure = true\nversion = 4')
    (file,) = optimize([Text(ARGO.replace("ANNOTATIONS", ""), "w.yaml")], "declare", config=rows).files
    text = file.text or ""
    assert "{name: one, template: train, " in text
    assert "{name: two, template: train-annotations, " in text
    assert text.count("couler.io/cache: pure") == text.count('couler.io/cache-version: "4"') == 1


def test_what_no_annotation_says_stays_in_its_row(tmp_path: Path) -> None:
    _, reasons = declared('[[cache.declare]]\nimmutable = ["s3://raw/days"]', tmp_path)
    assert reasons == ["couler.toml:1 stays: no annotation says 'immutable'"]


def test_without_rows_nothing_is_written(tmp_path: Path) -> None:
    assert declared("", tmp_path)[1] == []


def test_rows_that_say_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no 'pur'"):
        declared('[[cache.declare]]\ntask = "train"\npur = true', tmp_path)


def test_annotations_come_before_what_reads_them(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="'declare' must come before 'cache'"):
        optimize([Text(ARGO, "w.yaml")], "cache,declare", config=settings(tmp_path, ""))


@pytest.mark.airflow
def test_dags_are_left_to_their_authors(tmp_path: Path) -> None:
    dag = tmp_path / "dag.py"
    dag.write_text(
        "from airflow.sdk import DAG\nfrom airflow.providers.standard.operators.empty import EmptyOperator\n\n"
        "with DAG('nightly'):\n    EmptyOperator(task_id='train')\n"
    )
    rows = settings(tmp_path / "rows", '[[cache.declare]]\ntask = "train"\npure = true')
    (file,) = optimize(str(dag), "declare", engine="airflow", config=rows).files
    assert file.edits == ()
    assert [item.reason for item in file.decisions] == [
        "rows of the settings stay: its tasks are declared in Python, by `cached(…)`"
    ]
