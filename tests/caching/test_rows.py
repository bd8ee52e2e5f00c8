"""Rows of the settings: they declare what annotations would, with the same keys, on engines that have manifests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from couler_plugins.api import lint, optimize
from couler_plugins.driver.results import Result
from couler_plugins.errors import InvalidInput
from couler_plugins.inputs.sources import Text
from couler_plugins.options.config import Config, load_config

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
          - {name: train, template: train, arguments: {parameters: [{name: day, value: "1"}]}}
          - {name: other, template: fetch, arguments: {parameters: [{name: day, value: "1"}]}}
    - name: train{annotations}
      inputs:
        parameters: [{name: day}]
        artifacts: [{name: raw, path: /raw, s3: {bucket: raw, key: "days/{{inputs.parameters.day}}"}}]
      outputs: {parameters: [{name: loss, valueFrom: {path: /loss}}]}
      container:
        image: "registry.example/train:1"
        command: [train]
        env: [{name: T, valueFrom: {secretKeyRef: {name: s, key: k}}}]
    - name: fetch
      inputs: {parameters: [{name: day}]}
      outputs: {artifacts: [{name: o, path: /o}]}
      container: {image: "registry.example/fetch:1", command: [fetch]}
"""
TEKTON = """\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: train{annotations}}
spec:
  params: [{name: day}]
  results: [{name: loss}]
  workspaces: [{name: data}]
  steps:
    - image: registry.example/train:1
      command: [train, $(workspaces.data.path)/raw, $(params.day)]
---
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: nightly}
spec:
  params: [{name: day}]
  workspaces: [{name: data}]
  tasks:
    - name: first
      taskRef: {name: train}
      params: [{name: day, value: $(params.day)}]
      workspaces: [{name: data, workspace: data}]
"""
SAID = """
[[cache.declare]]
task = "train"
pure = true
allow = ["secret"]
max-output-bytes = 128
version = "2"
reason = "train reads its parameters alone"
"""
ARGO_ROWS = SAID + '[[cache.declare]]\nimmutable = ["s3://raw/days"]\n'
TEKTON_ROWS = SAID.replace('allow = ["secret"]\n', 'inputs = ["data/raw"]\n')
ARGO_SAME = """
      metadata:
        annotations:
          couler.io/cache: pure
          couler.io/cache-allow: secret
          couler.io/max-output-bytes: "128"
          couler.io/cache-version: "2"
          couler.io/dataset.raw: "1"\
"""
TEKTON_SAME = """, annotations: {couler.io/cache: pure, couler.io/cache-inputs: data/raw, \
couler.io/max-output-bytes: "128", couler.io/cache-version: "2"}"""
IMAGE = "registry.example/couler@sha256:" + 64 * "0"
PIPELINES = {
    "argo": "cache{via=memoize}",
    "tekton": f"cache{{via=wrapper,store=s3://bucket/cache,image={IMAGE}}}",
}


def settings(folder: Path, text: str) -> Config:
    (folder / "couler.toml").write_text(text)
    return load_config(start=folder, environ={})


def optimized(text: str, pipeline: str, config: Config) -> Result:
    return optimize([Text(text, "w.yaml")], pipeline, config=config)


def verdicts(result: Result) -> dict[str, str]:
    return {item.subject: str(item.verdict) for item in result.decisions if item.verdict}


def rules(result: Result, subject: str) -> set[str]:
    (decision,) = [item for item in result.decisions if item.subject == subject]
    return {item.rule for item in decision.objections}


def text(engine: str, annotations: str = "") -> str:
    return (ARGO if engine == "argo" else TEKTON).replace("{annotations}", annotations)


ARGO_PLAIN = text("argo")


@pytest.mark.parametrize(
    ("engine", "rows", "subject"), [("argo", ARGO_ROWS, "main/train"), ("tekton", TEKTON_ROWS, "pipeline/first")]
)
def test_rows_declare_what_annotations_would(tmp_path: Path, engine: str, rows: str, subject: str) -> None:
    same = {"argo": ARGO_SAME, "tekton": TEKTON_SAME}[engine]
    nothing = optimized(text(engine), PIPELINES[engine], Config())
    assert verdicts(nothing)[subject] != "cached"
    annotated = optimized(text(engine, same), PIPELINES[engine], Config())
    said = optimized(text(engine), PIPELINES[engine], settings(tmp_path, rows))
    assert verdicts(annotated)[subject] == verdicts(said)[subject] == "cached"
    (decision,) = [item for item in said.decisions if item.subject == subject]
    assert decision.reason.startswith("couler.toml:2 says that it is pure")
    assert verdicts(said) == verdicts(annotated)


@pytest.mark.parametrize(("engine", "rows"), [("argo", ARGO_ROWS), ("tekton", TEKTON_ROWS)])
def test_lint_needs_no_settings_and_sees_edits(tmp_path: Path, engine: str, rows: str) -> None:
    config = settings(tmp_path, rows)
    once = optimized(text(engine), PIPELINES[engine], config).text
    assert "couler.io/declared" in once
    assert not [item for item in lint([Text(once, "w.yaml")], config=Config()).findings if item.code == "stale-key"]
    edited = once.replace("registry.example/train:1", "registry.example/train:2")
    assert [item for item in lint([Text(edited, "w.yaml")], config=Config()).findings if item.code == "stale-key"]
    wider = once.replace('"version":"2"', '"version":"3"')
    assert wider != once
    assert [item for item in lint([Text(wider, "w.yaml")], config=Config()).findings if item.code == "stale-key"]


@pytest.mark.parametrize(("engine", "rows"), [("argo", ARGO_ROWS), ("tekton", TEKTON_ROWS)])
def test_rows_that_go_take_everything_with_them(tmp_path: Path, engine: str, rows: str) -> None:
    once = optimized(text(engine), PIPELINES[engine], settings(tmp_path, rows)).text
    again = optimized(once, PIPELINES[engine], settings(tmp_path, rows))
    assert again.text == once
    version = optimized(once, PIPELINES[engine], settings(tmp_path, rows.replace('"2"', '"3"'))).text
    assert version != once
    without = optimized(once, PIPELINES[engine], Config()).text
    assert without.partition("couler.io/cached-from")[0].startswith(text(engine)), "a copy that nothing calls may stay"


def test_a_row_names_calls_operations_and_images(tmp_path: Path) -> None:
    def cached(selector: str) -> set[str]:
        config = settings(tmp_path, f"{ARGO_ROWS}[[cache.declare]]\n{selector}\npure = true\n")
        result = verdicts(optimized(ARGO_PLAIN, PIPELINES["argo"], config))
        return {name for name, verdict in result.items() if verdict == "cached"}

    both = {"main/train", "main/other"}
    assert cached('workflow = "other-*"\nstep = "other"') == {"main/train"}
    assert cached('workflow = "nightly*"\nstep = "other"') == both
    assert cached('step = ["x", "main/oth*"]') == both
    assert cached('step = "mai*"') == {"main/train"}, "that is no step, but a graph"
    assert cached('step = "*/other"') == both
    assert cached('image = "registry.example/fetch:*"') == both
    assert cached('image = "registry.example/fetch"') == {"main/train"}
    assert cached('image = "registry.example/fetch:[0-9]"') == both
    assert cached('task = "fetch"\nstep = "train"') == {"main/train"}


def test_an_image_has_its_name_with_a_digest_and_without(tmp_path: Path) -> None:
    row = ARGO_ROWS.replace('task = "train"', 'image = "{}"')
    digest = f"@sha256:{64 * '0'}"
    pinned = ARGO_PLAIN.replace("train:1", f"train:1{digest}")
    for name in ("registry.example/train:1", f"registry.example/train:1{digest}"):
        config = settings(tmp_path, row.format(name))
        assert verdicts(optimized(pinned, PIPELINES["argo"], config))["main/train"] == "cached"
        assert (verdicts(optimized(ARGO_PLAIN, PIPELINES["argo"], config))["main/train"] == "cached") is (
            "@" not in name
        )


def test_the_nearest_word_counts_and_never_always_wins(tmp_path: Path) -> None:
    pure = settings(tmp_path, ARGO_ROWS)
    for word, verdict in (("never", "never"), ("always", "never"), ("ttl=1h", "cached")):
        own = text("argo", f"\n      metadata: {{annotations: {{couler.io/cache: {word}}}}}")
        assert verdicts(optimized(own, PIPELINES["argo"], pure))["main/train"] == verdict
    whole = ARGO_PLAIN.replace("nightly-}", "nightly-, annotations: {couler.io/cache: always}}")
    assert verdicts(optimized(whole, PIPELINES["argo"], pure))["main/train"] == "cached", "a row names the step"
    never = settings(tmp_path, ARGO_ROWS + '[[cache.declare]]\nworkflow = "nightly*"\nnever = true\n')
    assert verdicts(optimized(ARGO_PLAIN, PIPELINES["argo"], never))["main/train"] == "never"


def test_remedies_name_the_row(tmp_path: Path) -> None:
    config = settings(tmp_path, '\n[[cache.declare]]\ntask = "train"\npure = true\n')
    (decision,) = [
        item for item in optimized(ARGO_PLAIN, PIPELINES["argo"], config).decisions if item.subject == "main/train"
    ]
    assert {item.rule: item.remedy for item in decision.objections} == {
        "secret": 'allow = ["secret"], in couler.toml:2',
        "unbounded-output": "max-output-bytes = …, in couler.toml:2",
        "unversioned-input": 'datasets.raw = "…", in couler.toml:2',
    }
    assert decision.verdict == "declarable"


def test_a_prefix_ends_where_a_name_does(tmp_path: Path) -> None:
    prefixes = {"s3://raw/days": True, "s3://raw/": True, "s3://raw/day": False, "s3://ra": False}
    for prefix, versioned in prefixes.items():
        config = settings(tmp_path, f'{SAID}[[cache.declare]]\nimmutable = ["{prefix}"]\n')
        against = rules(optimized(ARGO_PLAIN, PIPELINES["argo"], config), "main/train")
        assert ("unversioned-input" in against) is not versioned


@pytest.mark.parametrize(
    ("place", "rule"),
    [
        ('http: {url: "https://host/raw/1"}', ""),
        ('http: {url: "https://host/raw/../latest"}', "unversioned-input"),
        ('http: {url: "https://host/raw/%2e%2E/latest"}', "unversioned-input"),
        ('git: {repo: "https://host/raw/code", revision: main}', "unversioned-input"),
    ],
)
def test_what_may_be_another_below_an_immutable_url_is_not(tmp_path: Path, place: str, rule: str) -> None:
    config = settings(tmp_path, f'{SAID}[[cache.declare]]\nimmutable = ["https://host/raw/"]\n')
    at = ARGO_PLAIN.replace('s3: {bucket: raw, key: "days/{{inputs.parameters.day}}"}', place)
    assert rules(optimized(at, PIPELINES["argo"], config), "main/train") == ({rule} if rule else set())


def test_a_row_of_one_call_says_nothing_of_another_call_of_the_same_task(tmp_path: Path) -> None:
    second = """\
    - name: second
      taskRef: {name: train}
      params: [{name: day, value: $(params.day)}]
      workspaces: [{name: data, workspace: data}]
"""
    row = "[[cache.declare]]\nstep = [{}]\npure = true\nmax-output-bytes = 64\n"
    first, other, workspace = row.format("'first'"), row.format("'second'"), 'workspaces = {data = "in=raw"}\n'

    def told(rows: str) -> set[str]:
        result = optimized(text("tekton") + second, PIPELINES["tekton"], settings(tmp_path, rows))
        assert rules(result, "pipeline/first") == rules(result, "pipeline/second")
        return rules(result, "pipeline/second")

    assert told(first + workspace + other) == {"workspace", "unbounded-output"}
    assert told(row.format("'first', 'second'") + workspace) == set()
    assert "never" in told(f'{first}version = "1"\n{other}version = "2"\n')


@pytest.mark.parametrize(
    ("rows", "merged", "cached"),
    [
        ('task = "fetch"\npure = true\n[[cache.declare]]\ntask = "publish"\nnever = true', False, {"main/other"}),
        ('task = "publish"\npure = true', False, {"main/last"}),
        ('task = ["fetch", "publish"]\npure = true', True, {"main/other", "main/last"}),
        ('step = "last"\npure = true', True, {"main/last"}),
        ('step = "last"\npure = true\nversion = "1"', False, {"main/last"}),
    ],
)
def test_what_rows_tell_apart_stays_apart(tmp_path: Path, rows: str, merged: bool, cached: set[str]) -> None:
    fetch = ARGO_PLAIN[ARGO_PLAIN.index("    - name: fetch") :]
    call = "          - {name: other, template: fetch"
    line = next(line for line in ARGO_PLAIN.splitlines() if line.startswith(call))
    more = line.replace("name: other, template: fetch", "name: last, template: publish")
    twins = ARGO_PLAIN.replace(line, f"{line}\n{more}") + fetch.replace("name: fetch", "name: publish")
    config = settings(tmp_path, f"[[cache.declare]]\n{rows}\n")
    result = optimized(twins, f"dedupe,{PIPELINES['argo']}", config)
    assert {name for name, verdict in verdicts(result).items() if verdict == "cached"} == cached
    assert ("template: publish" not in result.text) is merged


@pytest.mark.parametrize("kind", ["Workflow", "WorkflowTemplate"])
def test_a_private_copy_has_the_name_of_its_original(tmp_path: Path, kind: str) -> None:
    config = settings(tmp_path, f'{ARGO_ROWS}[[cache.declare]]\nstep = "other"\nnever = true\n')
    twice = ARGO_PLAIN.replace(
        "kind: Workflow\nmetadata: {generateName: nightly-}", f"kind: {kind}\nmetadata: {{name: nightly}}"
    )
    twice = twice.replace("template: fetch", "template: train")
    once = optimized(twice, PIPELINES["argo"], config)
    assert verdicts(once)["main/train"] == "cached"
    assert "template: train-cache" in once.text
    assert not lint([Text(once.text, "w.yaml")], config=Config()).findings
    assert optimized(once.text, PIPELINES["argo"], config).text == once.text
    edited = once.text.replace('"registry.example/train:1"', '"registry.example/train:2"')
    assert [item for item in lint([Text(edited, "w.yaml")], config=Config()).findings if item.code == "stale-key"]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("pure = true", "couler.toml:1: 'pure' needs a step, a task or an image, and not only wildcards"),
        ('step = "*"\npure = true', "'pure' needs a step"),
        ('step = ["**", "*/*", "?", "[a-z]*"]\nttl = "1h"', "'ttl' needs a step"),
        ('step = ["a", "*"]\npure = true', "'pure' needs a step"),
        ('workflow = "a"\nallow = ["network"]', "'allow' needs a step"),
        ('step = "a"', "couler.toml:1: it says nothing"),
        ('step = "a"\npur = true', "there is no 'pur'; did you mean 'pure'?"),
        ('step = "a"\npure = "yes"', "'pure' cannot be 'yes'"),
        ('step = "a"\npure = true\nttl = "1h"', "only one of pure, ttl and never"),
        ('step = "a"\npure = true\nallow = ["a,b"]', "'allow' is not a list of texts without commas"),
        ('step = "a"\npure = true\nallow = ["netwrok"]', "'netwrok' cannot be allowed; did you mean 'network'?"),
        ('step = "a"\npure = true\nallow = ["moon"]', "'moon' cannot be allowed; the words are clock, "),
        ('step = "a"\npure = true\ncontext = [3]', "'context' is not a list of texts"),
        ('step = "a"\nttl = "7x"', "'ttl' cannot be '7x'; write a time such as 24h"),
        ('step = "a"\nttl = "99999999d"', "'ttl' cannot be '99999999d'"),
        ("step = 3\npure = true", "'step' is neither a pattern nor a list of patterns"),
        ("step = []\npure = true", "'step' is neither a pattern nor a list of patterns"),
        ('step = "a"\npure = true\nmax-items = true', "'max-items' cannot be True"),
        ('step = "a"\npure = true\nreason = 3', "'reason' is not a text"),
        ('step = "a"\npure = false', "'pure' cannot be false; write never = true"),
        ('step = "a"\npure = true\nnever = false', "only one of pure, ttl and never"),
        ('step = "a"\npure = true\nversion = true', "'version' cannot be True"),
        ('step = "a"\npure = true\ndatasets = {raw = true}', "'datasets' is not a table of texts"),
        ('task = "a"\npure = true\nimmutable = ["s3://raw"]', "'immutable' is about places, whoever reads them"),
        ('immutable = ["s3://"]', "'s3://' names no place"),
        ('immutable = ["/"]', "'/' names no place"),
    ],
)
def test_wrong_rows_are_refused_with_their_line(tmp_path: Path, row: str, problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        optimized(ARGO_PLAIN, "cache", settings(tmp_path, f"[[cache.declare]]\n{row}\n"))
    assert problem in str(caught.value)
    assert "reads no rows" not in problem or caught.value.hint == "rows are for [[cache.declare]]"


def test_all_wrong_rows_are_told_at_once(tmp_path: Path) -> None:
    rows = '[[cache.declare]]\npure = true\n\n[[ cache . "declare" ]]\nstep = "a"\n'
    with pytest.raises(InvalidInput) as caught:
        optimized(ARGO_PLAIN, "cache", settings(tmp_path, rows))
    assert "couler.toml:1: 'pure' needs" in str(caught.value)
    assert "couler.toml:4: it says nothing" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[[cach.declare]]\nstep = 'a'\npure = true", "couler.toml:1: there is no optimizer 'cach'"),
        ("\n[[dedupe.declare]]\nstep = 'a'\npure = true", "couler.toml:2: 'dedupe' reads no rows"),
        ("[cache]\ncapacity = '3GB'", "there is no setting 'cache'"),
        ("[cache]\ndeclare = 3", "[cache] may only hold rows [[cache.declare]]"),
        ("[cache]\ndeclare = []\ncapacity = '3GB'", "[cache] may only hold rows [[cache.declare]]"),
    ],
)
def test_tables_for_nobody_are_refused(tmp_path: Path, content: str, problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        optimized(ARGO_PLAIN, "cache", settings(tmp_path, content))
    assert problem in str(caught.value)
    assert (
        "reads no rows" not in problem
        or caught.value.hint
        == "rows are for [[cache.declare]], [[fuse.declare]], [[guard.declare]], [[rightsize.declare]]"
    )


def test_a_project_file_holds_rows_as_well(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(SAID.replace("[[cache", "[[tool.couler.cache"))
    config = load_config(start=tmp_path, environ={})
    assert [row.place for row in config.rows["cache"]] == ["pyproject.toml:2"]
    assert "unversioned-input" in rules(optimized(ARGO_PLAIN, PIPELINES["argo"], config), "main/train")


def test_what_a_document_records_is_not_trusted_with_more(tmp_path: Path) -> None:
    """Rows in an annotation are data: what is none makes a key that is out of date, and no traceback."""
    once = optimized(ARGO_PLAIN, PIPELINES["argo"], settings(tmp_path, ARGO_ROWS)).text
    start = once.index("couler.io/declared: ") + len("couler.io/declared: ")
    recorded = once[start : once.index("'", start + 1) + 1]
    for content in ("3", "[]", '[{"step": 3}]', '[{"pure": true}]', '[{"a":' + "[" * 5000, "[" * 5000):
        edited = once.replace(recorded, f"'{content}'")
        assert [item for item in lint([Text(edited, "w.yaml")], config=Config()).findings if item.code == "stale-key"]


def specs(engine: str, annotations: str, rows: str, folder: Path) -> tuple[str, ...]:
    """The hashes that keys begin with, of calls that are all cached."""
    result = optimized(text(engine, annotations), PIPELINES[engine], settings(folder, rows))
    assert verdicts(result)["main/train" if engine == "argo" else "pipeline/first"] == "cached"
    return tuple(re.findall(r"\b[0-9a-f]{64}\b", result.text.replace("0" * 64, "")))


@pytest.mark.parametrize(
    ("engine", "rows", "same"), [("argo", ARGO_ROWS, ARGO_SAME), ("tekton", TEKTON_ROWS, TEKTON_SAME)]
)
def test_versions_of_a_row_and_of_its_task_are_in_the_key(engine: str, rows: str, same: str, tmp_path: Path) -> None:
    """The nearest place decides, but whoever raises either version means it."""
    keys = [
        specs(engine, same.replace('version: "2"', f'version: "{own}"'), rows.replace('"2"', f'"{row}"'), tmp_path)
        for own, row in (("2", "2"), ("2", "3"), ("2", "4"), ("5", "3"))
    ]
    assert all(keys)
    assert len({*keys}) == 4
    assert specs(engine, same, rows.replace('version = "2"\n', ""), tmp_path) == keys[0]
