"""Retries and timeouts of `guard` on each engine: who gets which, where they are written, and why others get none."""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from couler_plugins import Result, Text, optimize
from couler_plugins.driver.pipeline import parse_pipeline
from couler_plugins.errors import InvalidInput
from couler_plugins.options.config import Config, load_config
from couler_plugins.plugins import load_plugins
from couler_plugins.runs import Attempt, ContainerUse, Run, StepRun
from rightsizing.drawn import history_in
from support import ROOT

PLUGINS = load_plugins(load_config(environ={}))
START = 1.7e9
STARTS = "container starts due to (PodInitializing|ContainerCreating)"
INPUTS = (
    "(?s)^init: .*(429 Too Many Requests|SlowDown|reduce your request rate|received too many requests|i/o timeout"
    "|TLS handshake timeout|connection (reset by peer|refused)|server misbehaving"
    "|encountered an internal error, please try again)"
)
BEFORE_START = f"""\
+      retryStrategy:
+        limit: 2
+        expression: |-
+          lastRetry.message matches '^Pod failed before init {STARTS}'
+          || lastRetry.message matches '^init: (Error [(]exit code (137|143)[)]$|ContainerStatusUnknown)'
+          || lastRetry.message matches '{INPUTS}'
+        backoff:
+          duration: 30s
+          factor: 2
+        retryPolicy: Always"""


def guarded(text: str, folder: Path, *runs: Run, passes: str = "guard", settings: str = "") -> Result:
    """What becomes of a text; its settings are a couler.toml."""
    config = history_in(folder, runs) if runs else Config()
    if settings:
        (folder / "couler.toml").write_text(dedent(settings))
        config = replace(config, rows=load_config(start=folder, environ={}).rows)
    return optimize(Text(dedent(text), name="w.yaml"), passes, config=config, plugins=PLUGINS)


def changes(result: Result) -> str:
    """The lines of the file that went and that came."""
    (file,) = result.files
    assert file.error is None
    old, new = (text.splitlines() for text in (file.original or "", file.text or ""))
    return "\n".join(line for line in list(difflib.unified_diff(old, new, n=0))[2:] if not line.startswith("@@"))


def reasons(result: Result) -> dict[str, str]:
    """Why what stays as it is does, by what it is."""
    decisions = [item for item in result.files[0].decisions if not item.action]
    return {name: item.reason for item in decisions for name in (item.subject, *item.affects)}


def actions(result: Result) -> dict[str, str]:
    decisions = [item for item in result.files[0].decisions if item.action]
    return {name: item.action for item in decisions for name in (item.subject, *item.affects)}


def run_of(family: str, name: str, *attempts: Attempt, fate: Any = "computed") -> Run:
    """A run in which a step that calls so was tried so often."""
    site = name if "/" in name else ""
    step = StepRun(step=f"{name} once", site=site, type=name, spec=name, key=name, tries=attempts, fate=fate)
    return Run(family=family, steps=(step,), at=1.0)


def took(*seconds: float) -> list[Attempt]:
    return [Attempt(start=START, end=START + one, succeeded=True) for one in seconds]


ARGO = """\
    apiVersion: argoproj.io/v1alpha1
    kind: Workflow
    metadata:
      generateName: nightly-
    spec:
      entrypoint: main
      templates:
        - name: main
          dag:
            tasks:
              - {name: train, template: work}
        # The largest.
        - name: work
          container:
            image: registry.local/train:2
            resources: {limits: {memory: 2Gi}}  # a guess
    """
MARK = "- name: work\n          metadata: {annotations: {couler.io/idempotent: 'true'}}"
DECLARED = ARGO.replace("- name: work", MARK)
LARGER = '{"containers": [{"name": "main", "resources": {"limits": {"memory": "16Gi"}}}]}'
TEKTON = """\
    apiVersion: tekton.dev/v1
    kind: Pipeline
    metadata: {name: build}
    spec:
      tasks:
        - name: compile
          taskSpec:
            metadata: {annotations: {couler.io/idempotent: "true"}}
            steps: [{name: go, image: "golang:1", script: "go build"}]
        - name: push
          taskSpec:
            steps: [{name: push, image: "skopeo:1", script: "push"}]
    """


def test_nobody_says_anything(tmp_path: Path) -> None:
    result = guarded(ARGO, tmp_path)
    assert changes(result) == BEFORE_START
    assert actions(result)["work"] == "repeat failures before its start, 2 times at most"
    assert "couler.io/idempotent" in next(item.reason for item in result.files[0].decisions)


def test_an_owner_says_that_it_may_run_twice(tmp_path: Path) -> None:
    lines = changes(guarded(DECLARED, tmp_path)).splitlines()
    assert lines[:2] == ["+      retryStrategy:", "+        limit: 2"]
    assert "+          lastRetry.message matches '^(main: )?Error [(]exit code (137|143)[)]$'" in lines
    assert lines[-12:] == [
        "+        backoff:",
        "+          duration: 30s",
        "+          factor: 2",
        "+        retryPolicy: Always",
        "+      podSpecPatch: |",
        "+        containers:",
        "+        - name: main",
        "+          resources:",
        "+            limits:",
        "+              memory: \"{{=retries == '0' ? '2Gi' : retries == '1' ? '4Gi' : '8Gi'}}\"",
        "+            requests:",
        '+              memory: "2Gi"',
    ]


@pytest.mark.parametrize(
    ("old", "new", "settings"),
    [
        ("- name: work", MARK, ""),
        ("nightly-", "nightly-\n      annotations: {couler.io/idempotent: 'true'}", ""),
        ("nightly-", "nightly-\n      annotations: {couler.io/idempotent.main.train: 'true'}", ""),
        ("- name: work", MARK.replace("idempotent: 'true'", "cache: pure"), ""),
        ("- name: work", MARK.replace("idempotent: 'true'", "cache: ttl=1h"), ""),
        ("nightly-", "nightly-\n      annotations: {couler.io/cache.main.train: pure}", ""),
        ("nightly-", "nightly-", "[[guard.declare]]\nstep = 'main/tra*'\nidempotent = true"),
        ("nightly-", "nightly-", "[[guard.declare]]\ntask = 'work'\nidempotent = true"),
        ("nightly-", "nightly-", "[[guard.declare]]\nimage = 'registry.local/*'\nidempotent = true"),
        ("nightly-", "nightly-", "[[cache.declare]]\nimage = 'registry.local/*'\npure = true"),
    ],
)
def test_it_is_said_at_any_of_these_places(tmp_path: Path, old: str, new: str, settings: str) -> None:
    result = guarded(ARGO.replace(old, new), tmp_path, settings=settings)
    assert actions(result)["work"] == "repeat failures that pass, 2 times at most, each with 2 times the memory"


@pytest.mark.parametrize(
    ("old", "new", "settings"),
    [
        ("- name: work", MARK.replace("'true'", "'false'"), ""),
        ("- name: work", MARK.replace("idempotent: 'true'", "cache: always"), ""),
        (
            "- name: work",
            MARK.replace("idempotent: 'true'", "cache: never"),
            "[[cache.declare]]\nstep='train'\npure=true",
        ),
        ("nightly-", "nightly-\n      annotations: {couler.io/cache: pure}", ""),
        ("nightly-", "nightly-", "[[guard.declare]]\nstep = 'other'\nidempotent = true"),
        ("- name: work", MARK, "[[guard.declare]]\nidempotent = false"),
        (
            "{name: train, template: work}",
            "{name: train, template: work}\n              - {name: other, template: work}",
            "[[guard.declare]]\nstep = 'train'\nidempotent = true",
        ),
    ],
)
def test_that_does_not_say_it(tmp_path: Path, old: str, new: str, settings: str) -> None:
    result = guarded(ARGO.replace(old, new), tmp_path, settings=settings)
    assert actions(result)["work"] == "repeat failures before its start, 2 times at most"


@pytest.mark.parametrize(
    ("old", "new", "settings", "reason"),
    [
        ("'true'", "'true', couler.io/guard: never", "", "its annotation couler.io/guard says so"),
        (
            "nightly-",
            "nightly-\n      annotations: {couler.io/guard: never}",
            "",
            "its annotation couler.io/guard says so",
        ),
        ("nightly-", "nightly-", "[[guard.declare]]\nguard = 'never'", "couler.toml:1 says so"),
        (
            "nightly-",
            "nightly-\n      annotations: {couler.io/guard.main.trian: never}",
            "",
            "its annotation couler.io/guard.main.trian names no step of this workflow",
        ),
        ("'true'", "'yes'", "", "its annotation couler.io/idempotent says 'yes': write true or false"),
        ("'true'", "'true', couler.io/guard: no-way", "", "its annotation couler.io/guard says 'no-way': write never"),
    ],
)
def test_never_counts_wherever_it_stands(tmp_path: Path, old: str, new: str, settings: str, reason: str) -> None:
    result = guarded(DECLARED.replace(old, new), tmp_path, settings=settings)
    assert changes(result) == ""
    assert reasons(result) == {"work": reason}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            "container:",
            "retryStrategy: {limit: 5}\n          container:",
            "it has a retry already, which stays as it is",
        ),
        ("container:", "daemon: true\n          container:", "a daemon runs for as long as others need it"),
        ("entrypoint", "retryStrategy: {limit: 1}\n      entrypoint", "its workflow has a retry for all templates"),
        (
            "entrypoint",
            "templateDefaults: {retryStrategy: {limit: 1}}\n      entrypoint",
            "its workflow has a retry for all",
        ),
        ("entrypoint", "activeDeadlineSeconds: 60\n      entrypoint", "a second attempt does not fit into"),
    ],
)
def test_what_stands_there_already_is_kept(tmp_path: Path, old: str, new: str, reason: str) -> None:
    runs = [run_of("nightly", "work", *took(*[40.0] * 4))]
    result = guarded(DECLARED.replace(old, new), tmp_path, *runs)
    assert changes(result) == ""
    assert any(item.startswith(reason) for item in reasons(result).values()) or reason in str(result.files[0].decisions)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("container:", "initContainers: [{name: fetch, image: 'busybox:1'}]\n          container:"),
        ("container:", "sidecars: [{name: db, image: 'postgres:16'}]\n          container:"),
        ("container:", "podSpecPatch: '{initContainers: [{name: x}]}'\n          container:"),
        ("entrypoint", "podSpecPatch: '{{workflow.parameters.patch}}'\n      entrypoint"),
        ("entrypoint", "templateDefaults: {sidecars: [{name: db, image: 'postgres:16'}]}\n      entrypoint"),
    ],
)
def test_other_containers_may_have_run_before_the_main_one(tmp_path: Path, old: str, new: str) -> None:
    result = guarded(ARGO.replace(old, new), tmp_path)
    assert changes(result) == ""
    assert reasons(result)["work"].startswith("its engine cannot tell what never began")
    assert actions(guarded(DECLARED.replace(old, new), tmp_path))["work"].startswith("repeat failures that pass")


@pytest.mark.parametrize(
    ("row", "action"),
    [
        ("task = 'work'\nidempotent = true", "repeat failures before its start, 2 times at most"),
        ("task = 'mail'\nguard = 'never'", None),
    ],
)
def test_a_row_says_nothing_of_what_is_merged(tmp_path: Path, row: str, action: str | None) -> None:
    task = "{name: train, template: work}"
    text = ARGO.replace(task, f"{task}\n              - {{name: mail, template: mail}}")
    text += text[text.index("    - name: work") :].replace("name: work", "name: mail")
    result = guarded(text, tmp_path, passes="dedupe,guard", settings=f"[[guard.declare]]\n{row}")
    assert actions(result).get("mail") == action


def test_a_step_of_a_library_says_nothing_of_calls_from_elsewhere(tmp_path: Path) -> None:
    text = ARGO.replace("kind: Workflow", "kind: WorkflowTemplate").replace("generateName: nightly-", "name: nightly")
    for key, action in (("step = 'train'", "failures before its start"), ("task = 'work'", "failures that pass")):
        result = guarded(text, tmp_path, settings=f"[[guard.declare]]\n{key}\nidempotent = true")
        assert actions(result)["work"].startswith(f"repeat {action}")


TWO_GRAPHS = (
    ARGO
    + """\
    - name: other
          steps: [[{name: train, template: mail}]]
        - name: mail
          container: {image: "mail:1"}
    """
)


def test_what_is_said_later_counts(tmp_path: Path) -> None:
    (first,) = guarded(ARGO, tmp_path).files
    declared = (first.text or "").replace("- name: work", MARK.replace(" " * 10, " " * 6))
    (second,) = guarded(declared, tmp_path).files
    (at_once,) = guarded(DECLARED, tmp_path).files
    assert second.text == at_once.text
    (own,) = guarded(declared.replace("limit: 2", "limit: 5"), tmp_path).files  # its owner has changed it
    assert "limit: 5" in (own.text or "")
    assert "(main: )?Error" in (own.text or "")
    (own,) = guarded(declared.replace("init: ", "main: "), tmp_path).files
    assert own.status == "ok"


def test_a_step_of_a_library_is_told_why_its_annotation_does_not_do(tmp_path: Path) -> None:
    mark = "metadata:\n      annotations: {couler.io/idempotent.train: 'true'}"
    library = ARGO.replace("kind: Workflow", "kind: WorkflowTemplate").replace("generateName", "name")
    (item,) = guarded(library.replace("metadata:", mark), tmp_path).files[0].decisions
    assert "what is said of a step is not said of other workflows that call its template" in item.reason
    assert "couler.io/idempotent" in item.reason


@pytest.mark.parametrize(
    ("text", "key", "repeated"),
    [
        (ARGO, "train", ["work"]),
        (ARGO, "main.train", ["work"]),
        (TWO_GRAPHS, "main.train", ["work"]),
        (TWO_GRAPHS, "train", []),  # which of the two?
        (ARGO, "trian", []),
    ],
)
def test_an_annotation_of_a_step_means_one(tmp_path: Path, text: str, key: str, repeated: list[str]) -> None:
    line = f"nightly-\n      annotations: {{couler.io/idempotent.{key}: 'true'}}"
    result = guarded(text.replace("nightly-", line), tmp_path)
    assert [name for name, action in actions(result).items() if "failures that pass" in action][:1] == repeated
    if not repeated:
        assert changes(result) == ""
        assert reasons(result)["work"].startswith(f"its annotation couler.io/idempotent.{key} names no step")


def test_composites_and_suspended_steps_get_nothing(tmp_path: Path) -> None:
    text = DECLARED[: DECLARED.index("container:")] + "suspend: {}\n"
    result = guarded(text, tmp_path)
    assert changes(result) == ""
    assert reasons(result) == {"work": "it starts no pod of its own"}


def test_an_owner_s_retry_is_narrowed_where_that_is_wanted(tmp_path: Path) -> None:
    text = ARGO.replace("container:", "retryStrategy: {limit: 5}\n          container:")
    assert changes(guarded(text, tmp_path)) == ""
    lines = changes(guarded(text, tmp_path, passes="guard{narrow=true}"))
    assert "limit: 5" in lines
    assert "OnFailure" in lines
    assert "OOMKilled" not in lines
    transient = text.replace("limit: 5", "limit: 5, retryPolicy: OnTransientError")  # it would have to be both
    assert changes(guarded(transient, tmp_path, passes="guard{narrow=true}")) == ""
    conditioned = text.replace("limit: 5", "limit: 5, expression: 'true'")
    assert changes(guarded(conditioned, tmp_path, passes="guard{narrow=true}")) == ""


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("{memory: 2Gi}", "{cpu: 1}", "it has no limit of memory"),
        ("2Gi", "'{{workflow.parameters.size}}'", "only the run knows its memory"),
        ("container:", "podSpecPatch: '{}'\n          container:", "it has a podSpecPatch already"),
        # The one of a template counts last: it would take back what these say.
        ("entrypoint", f"podSpecPatch: '{LARGER}'\n      entrypoint", "its workflow may say how much there is"),
        ("entrypoint", "templateDefaults: {podSpecPatch: '{}'}\n      entrypoint", "its workflow may say how much"),
        (
            "entrypoint",
            "templateDefaults: {container: {resources: {requests: {memory: 1Gi}}}}\n      entrypoint",
            "its workflow may say how much",
        ),
    ],
)
def test_memory_stays_the_same(tmp_path: Path, old: str, new: str, why: str) -> None:
    result = guarded(DECLARED.replace(old, new), tmp_path)
    assert "+      podSpecPatch" not in changes(result)
    assert "OOMKilled" not in changes(result)
    assert f"not after it ran out of memory, since {why}" in next(iter(result.files[0].decisions)).reason


def test_sizes_with_fractions_are_read_again(tmp_path: Path) -> None:
    text = guarded(DECLARED.replace("2Gi", "1.5Gi"), tmp_path).files[0].text or ""
    use = ContainerUse(container="main", memory=3000 * 2**20, cpu_p95=0.5)
    seen = [Attempt(start=START, end=START + 60, succeeded=True, containers=(use,)) for _ in range(12)]
    larger = guarded(text, tmp_path, run_of("nightly", "work", *seen), passes="rightsize").files[0].text or ""
    assert "'3264Mi' : retries == '1' ? '6528Mi' : '13056Mi'" in larger


REQUESTED = DECLARED.replace("{limits: {memory: 2Gi}}", "{limits: {memory: 2Gi}, requests: {memory: 512Mi}}")


@pytest.mark.parametrize(
    ("text", "option", "settings", "patch"),
    [
        # No request grows: more than any node has would be pending for ever.
        (DECLARED, "", "", {"limits": ["2Gi", "3Gi", "4608Mi"], "requests": ["2Gi"]}),
        (REQUESTED, "", "", {"limits": ["2Gi", "3Gi", "4608Mi"]}),
        # Their owner says how much there is.
        (DECLARED, "4Gi", "", {"limits": ["2Gi", "3Gi", "4Gi"]}),
        (REQUESTED, "4Gi", "", {"limits": ["2Gi", "3Gi", "4Gi"], "requests": ["512Mi", "768Mi", "1152Mi"]}),
        (DECLARED, "4G", "", {"limits": ["2Gi", "3Gi", "3814Mi"]}),
        (DECLARED, "4Gi", "max-memory = '2304Mi'", {"limits": ["2Gi", "2304Mi", "2304Mi"]}),
        (DECLARED, "", "max-memory = '2304Mi'", {"limits": ["2Gi", "2304Mi", "2304Mi"]}),
    ],
)
def test_memory_grows_as_far_as_pods_find_a_node(
    tmp_path: Path, text: str, option: str, settings: str, patch: dict[str, list[str]]
) -> None:
    rows = f"[[guard.declare]]\ntask = 'work'\n{settings}" if settings else ""
    options = f"memory-factor=1.5,max-memory={option}" if option else "memory-factor=1.5"
    result = guarded(text, tmp_path, passes=f"guard{{{options}}}", settings=rows)
    lines = changes(result).partition("podSpecPatch")[2].splitlines()
    sizes = [re.findall(r"'(\w+i)'|\"(\w+i)\"", line) for line in lines if "memory:" in line]
    assert [["".join(pair) for pair in line] for line in sizes] == list(patch.values())
    assert [line.strip("+ :") for line in lines if line.endswith("s:")] == ["containers", "resources", *patch]


@pytest.mark.parametrize(("option", "most"), [("2Gi", "2Gi"), ("1Gi", "1Gi")])
def test_what_has_the_most_memory_is_not_repeated_for_more(tmp_path: Path, option: str, most: str) -> None:
    result = guarded(DECLARED, tmp_path, passes=f"guard{{max-memory={option}}}")
    assert "podSpecPatch" not in changes(result)
    assert "OOMKilled" not in changes(result)
    reason = f"not after it ran out of memory, since its limit of memory is `max-memory` or more, {most}"
    assert reason in result.files[0].decisions[0].reason


def test_rightsize_keeps_what_bounds_the_memory(tmp_path: Path) -> None:
    both = "rightsize,guard{max-memory=8Gi}"
    seen = [replace_use(one, 3000) for one in took(*[60.0] * 12)]
    once = guarded(DECLARED, tmp_path, run_of("nightly", "work", *seen), passes=both).files[0].text or ""
    assert "# times 2, at most 8Gi" in once
    assert "'3264Mi' : retries == '1' ? '6528Mi' : '8Gi'" in once
    for mebibytes, sizes in ((1000, "'1088Mi' : retries == '1' ? '2176Mi' : '4352Mi'"), (9000, "")):
        later = run_of("nightly", "work", *[replace_use(one, mebibytes) for one in seen])
        text = guarded(once, tmp_path, later, passes="rightsize").files[0].text or ""
        assert sizes in text
        assert ("podSpecPatch" in text) is bool(sizes)  # a patch would take back what is more
        assert ("OOMKilled |" in text) is bool(sizes)  # and the same memory is no reason to try again
        assert "'^([a-z]+: )?(" in text
        assert changes(guarded(text, tmp_path, later, passes=both)) == ""


@pytest.mark.parametrize(
    ("factor", "limit", "is_said", "sizes"),
    [
        ("1.25", "1Gi", False, "'2176Mi' : retries == '1' ? '2720Mi' : '3400Mi'"),
        ("1.125", "1Gi", True, "'2176Mi' : retries == '1' ? '2448Mi' : '2754Mi'"),
        ("1.5", "1M", True, "'2176Mi' : retries == '1' ? '3264Mi' : '4896Mi'"),
    ],
)
def test_rightsize_keeps_the_factor(tmp_path: Path, factor: str, limit: str, is_said: bool, sizes: str) -> None:
    text = DECLARED.replace("2Gi", limit)
    once = guarded(text, tmp_path, passes=f"guard{{memory-factor={factor}}}").files[0].text or ""
    assert (f"# times {factor}\n" in once) is is_said  # whole MiB do not say it
    run = run_of("nightly", "work", *[replace_use(one, 2000) for one in took(*[60.0] * 12)])
    assert sizes in (guarded(once, tmp_path, run, passes="rightsize").files[0].text or "")


def test_rightsize_and_guard_agree(tmp_path: Path) -> None:
    use = ContainerUse(container="main", memory=3000 * 2**20, cpu_p95=0.5)
    seen = [Attempt(start=START, end=START + 60, succeeded=True, containers=(use,)) for _ in range(12)]
    run = run_of("nightly", "work", *seen)
    both = "rightsize,guard"
    once = guarded(DECLARED, tmp_path, run, passes=both).files[0].text or ""
    patch = once[once.index("podSpecPatch") :]
    assert "'3264Mi' : retries == '1' ? '6528Mi' : '13056Mi'" in patch
    assert "memory: 3264Mi" in once
    for passes in (both, "rightsize", "guard"):
        assert changes(guarded(once, tmp_path, run, passes=passes)) == ""
    # Larger peaks: the patch follows the size, without a run of `guard`.
    more = run_of("nightly", "work", *[replace_use(one, 6000) for one in seen])
    larger = guarded(once, tmp_path, more, passes="rightsize").files[0].text or ""
    assert "'6528Mi' : retries == '1' ? '13056Mi' : '26112Mi'" in larger
    assert changes(guarded(larger, tmp_path, more, passes=both)) == ""


def test_memory_by_item_stays(tmp_path: Path) -> None:
    loop = DECLARED.replace("template: work}", "template: work, withItems: [a, b], arguments: *size}")
    loop = loop.replace("*size", "{parameters: [{name: s, value: '{{item}}'}]}")
    loop = loop.replace("container:", "inputs: {parameters: [{name: s}]}\n          container:")
    tries = {
        f"main/train({number}:{item})": [replace_use(one, mebibytes) for one in took(*[60.0] * 12)]
        for number, (item, mebibytes) in enumerate({"a": 100, "b": 3000}.items())
    }
    steps = tuple(
        StepRun(step=name, site="main/train", type="work", spec=name, key=name, tries=tuple(seen))
        for name, seen in tries.items()
    )
    run = Run(family="nightly", steps=steps, at=1.0)
    passes = "rightsize{by-item=true},guard"
    once = guarded(loop, tmp_path, run, passes=passes).files[0].text or ""
    assert "inputs.parameters['s'] in ['a']" in once
    assert "retries ==" not in once
    assert "OOMKilled" not in once
    assert changes(guarded(once, tmp_path, run, passes=passes)) == ""


def replace_use(attempt: Attempt, mebibytes: int) -> Attempt:
    use = ContainerUse(container="main", memory=mebibytes * 2**20, cpu_p95=0.5)
    return Attempt(start=attempt.start, end=attempt.end, succeeded=True, containers=(use,))


def test_tekton_repeats_only_what_is_declared(tmp_path: Path) -> None:
    result = guarded(TEKTON, tmp_path)
    assert changes(result) == "+      retries: 2"
    assert actions(result) == {"pipeline/compile": "repeat any failure, 2 times at most"}
    assert reasons(result)["pipeline/push"].startswith("its engine cannot tell what never began")


def test_the_name_of_a_task_says_nothing_of_one_in_a_pipeline_inside(tmp_path: Path) -> None:
    inner = (
        "- name: inner\n          pipelineSpec: {tasks: [{name: push, taskSpec: {steps: [{name: s, image: mail}]}}]}"
    )
    text = TEKTON.replace("{name: build}", "{name: build, annotations: {couler.io/idempotent.push: 'true'}}")
    result = guarded(text.replace("- name: push", f"{inner}\n        - name: push", 1), tmp_path)
    assert sorted(actions(result)) == ["pipeline/compile", "pipeline/push"]
    assert "pipeline/inner/push" in reasons(result)


REFERRING = """\
    apiVersion: tekton.dev/v1
    kind: Pipeline
    metadata: {name: build, namespace: ci}
    spec:
      tasks:
        - name: first
          taskRef: {name: compile}
    ---
    apiVersion: tekton.dev/v1
    kind: Task
    metadata:
      name: compile
      annotations: {couler.io/idempotent: "true"}
    spec:
      steps: [{name: go, image: "golang:1", script: "go build"}]
    """


@pytest.mark.parametrize("said", ['idempotent: "true"', "cache: pure", "cache: ttl=24h"])
def test_what_a_task_says_counts_for_a_pipeline_that_calls_it(tmp_path: Path, said: str) -> None:
    result = guarded(REFERRING.replace('idempotent: "true"', said), tmp_path)
    assert changes(result) == "+      retries: 2"
    assert actions(result) == {"pipeline/first": "repeat any failure, 2 times at most"}
    assert reasons(result)["task"].startswith("what calls it says how often it is tried")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("guard: never", "its annotation couler.io/guard says so"),
        ('idempotent: "false"', "its engine cannot tell"),
        ("cache: never", "its engine cannot tell"),
    ],
)
def test_what_a_task_forbids_a_pipeline_does_not_allow(tmp_path: Path, said: str, why: str) -> None:
    text = REFERRING.replace("namespace: ci}", "namespace: ci, annotations: {couler.io/idempotent: 'true'}}")
    text = REFERRING if said.startswith("cache") else text
    result = guarded(text.replace('idempotent: "true"', said), tmp_path)
    assert changes(result) == ""
    assert reasons(result)["pipeline/first"].startswith(why)


def test_a_run_of_a_task_has_what_the_task_says(tmp_path: Path) -> None:
    run = (
        "    apiVersion: tekton.dev/v1\n    kind: TaskRun\n    metadata: {generateName: r-, namespace: ci}\n    spec:\n"
    )
    text = f"{run}      taskRef: {{name: compile}}\n    ---{REFERRING.partition('---')[2]}"
    assert changes(guarded(text, tmp_path)) == "+  retries: 2"
    assert changes(guarded(text.replace('idempotent: "true"', "guard: never"), tmp_path)) == ""


def test_a_step_of_the_pipeline_is_nearer_than_the_task_that_it_calls(tmp_path: Path) -> None:
    text = REFERRING.replace("namespace: ci}", "namespace: ci, annotations: {couler.io/idempotent.first: 'false'}}")
    assert changes(guarded(text, tmp_path)) == ""


def test_rows_name_a_task_that_is_called_by_its_name_and_image(tmp_path: Path) -> None:
    bare = REFERRING.replace('annotations: {couler.io/idempotent: "true"}', "labels: {}")
    for key in ("task = 'compile'", "image = 'golang*'"):
        result = guarded(bare, tmp_path, settings=f"[[guard.declare]]\n{key}\nidempotent = true")
        assert changes(result) == "+      retries: 2"


@pytest.mark.parametrize("other", ["name: compile\n      namespace: ops", "name: other"])
def test_a_task_that_is_not_the_one_that_is_called_says_nothing(tmp_path: Path, other: str) -> None:
    result = guarded(REFERRING.replace("name: compile\n", f"{other}\n"), tmp_path)
    assert changes(result) == ""
    assert "pipeline/first" in reasons(result)


def test_of_several_tasks_of_one_name_none_counts(tmp_path: Path) -> None:
    text = dedent(REFERRING)
    task = text.partition("---")[2]
    result = guarded(f"{text}---{task.replace('go build', 'go test')}", tmp_path)
    assert changes(result) == ""


def test_a_cached_copy_of_a_task_says_what_the_task_says(tmp_path: Path) -> None:
    text = REFERRING.replace(
        'idempotent: "true"', 'cache: pure, couler.io/cache-version: "1", couler.io/max-output-bytes: "64"'
    )
    text = text.replace("spec:\n      steps", "spec:\n      results: [{name: binary}]\n      steps")
    passes = "cache{via=wrapper,store=s3://bucket/cache,image=registry.local/cache:1,secret=s3},guard"
    result = guarded(text, tmp_path, passes=passes)
    assert "+      retries: 2" in changes(result).splitlines()
    kinds = [item["kind"] for item in result.documents if item is not None]
    assert kinds == ["Pipeline", "Task", "Task"]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("", "", "+      retries: 1"),
        ("taskSpec:", "onError: continue\n          taskSpec:", ""),
        ("taskSpec:", "timeout: 40m\n          taskSpec:", ""),
        ("taskSpec:", "timeout: 20m\n          taskSpec:", "+      retries: 2"),
        ("taskSpec:", "retries: 1\n          taskSpec:", ""),
    ],
)
def test_attempts_fit_into_the_time_of_a_run(tmp_path: Path, old: str, new: str, lines: str) -> None:
    run = run_of("build", "pipeline/compile", *took(*[1500.0] * 4))
    assert changes(guarded(TEKTON.replace(old, new, 1), tmp_path, run)) == lines


def test_a_pipeline_run_says_how_long_it_may_take(tmp_path: Path) -> None:
    pipeline = dedent(TEKTON).partition("spec:\n")[2]
    text = dedent(TEKTON).partition("spec:\n")[0].replace("Pipeline", "PipelineRun")
    text += "spec:\n  timeouts: {pipeline: 2h, finally: 30m}\n  pipelineSpec:\n"
    text += "".join(f"  {line}\n" for line in pipeline.splitlines())
    run = run_of("build", "pipeline/compile", *took(*[1500.0] * 12))
    result = guarded(text, tmp_path, run)
    assert changes(result) == "+        timeout: 4500s"
    assert reasons(result)["pipeline/compile"] == "a second attempt does not fit into `timeouts` of its run, 5400 s"
    longer = text.replace("pipeline: 2h", "pipeline: 0s, tasks: 3h")
    assert changes(guarded(longer, tmp_path, run)) == "+        retries: 1\n+        timeout: 4500s"


CHAIN = """\
    apiVersion: tekton.dev/v1
    kind: PipelineRun
    metadata: {generateName: build-, annotations: {couler.io/idempotent: "true"}}
    spec:
      timeouts: {pipeline: 4000s}
      pipelineSpec:
        tasks:
          - {name: c, runAfter: [b], taskSpec: {steps: [{name: s, image: i}]}}
          - {name: a, taskSpec: {steps: [{name: s, image: i}]}}
          - {name: b, runAfter: [a], taskSpec: {steps: [{name: s, image: i}]}}
          - {name: alone, taskSpec: {steps: [{name: s, image: i}]}}
    """


@pytest.mark.parametrize(
    ("seconds", "retries"),
    [
        (400.0, {"a": 2, "b": 2, "c": 2, "alone": 2}),
        (500.0, {"a": 2, "b": 2, "c": 1, "alone": 2}),
        (900.0, {"a": 1, "alone": 2}),
        (1400.0, {"alone": 1}),
    ],
)
def test_attempts_of_tasks_in_sequence_fit_together(tmp_path: Path, seconds: float, retries: dict[str, int]) -> None:
    steps = [run_of("build", f"pipeline/{name}", *took(*[seconds] * 4)).steps[0] for name in ("a", "b", "c", "alone")]
    result = guarded(CHAIN, tmp_path, Run(family="build", steps=tuple(steps), at=1.0))
    written = {name.partition("/")[2]: int(action.split(", ")[1][0]) for name, action in actions(result).items()}
    assert written == retries
    in_sequence = [retries.get(name, 0) for name in "abc"]
    assert seconds * (3 + sum(in_sequence)) <= 4000 or not any(in_sequence)
    if seconds > 500.0:
        reason = "a second attempt does not fit into `timeouts` of its run, 4000 s beside"
        assert reasons(result)["pipeline/c"].startswith(reason)


@pytest.mark.parametrize(
    ("passes", "seconds", "timeout"),
    [
        ("guard", [100.0] * 12, "900s"),
        ("guard", [1000.0] * 12, "3000s"),
        ("guard", [1000.0] * 11 + [1010.0], "3060s"),
        ("guard", [100.0] * 150 + [7200.0] + [100.0] * 150, "9000s"),  # what one of many took is good work, too
        ("guard{timeout-factor=1}", [1000.0] * 12, "1260s"),
        ("guard{timeout-factor=2}", [1000.0] * 12, "2040s"),
        ("guard{min-timeout=60}", [15.0] * 12, "60s"),
        ("guard", [1000.0] * 9, ""),
        ("guard{min-samples=9}", [1000.0] * 9, "3000s"),
        ("guard{timeouts=false}", [1000.0] * 12, ""),
        ("guard", [1000.0] * 6 + [2000.0] * 6, ""),
        ("guard{max-total=2000}", [1000.0] * 12, ""),
    ],
)
def test_timeouts_follow_from_past_attempts(tmp_path: Path, passes: str, seconds: list[float], timeout: str) -> None:
    lines = changes(guarded(ARGO, tmp_path, run_of("nightly", "work", *took(*seconds)), passes=passes)).splitlines()
    assert [line for line in lines if "timeout:" in line] == [f"+      timeout: {timeout}"] * bool(timeout)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("container:", "synchronization: {mutexes: [{name: gpu}]}\n          container:"),
        ("entrypoint", "templateDefaults: {synchronization: {mutexes: [{name: gpu}]}}\n      entrypoint"),
    ],
)
def test_no_timeout_counts_the_wait_for_a_lock(tmp_path: Path, old: str, new: str) -> None:
    result = guarded(ARGO.replace(old, new), tmp_path, run_of("nightly", "work", *took(*[1000.0] * 12)))
    assert "timeout:" not in changes(result)
    assert "wait for a lock" in reasons(result)["work"]


@pytest.mark.parametrize(
    ("text", "old", "new", "name"),
    [
        (ARGO, "- name: work", "- name: work\n          metadata: {labels: LABEL}", "work"),
        (ARGO, "entrypoint", "podMetadata: {labels: LABEL}\n      entrypoint", "work"),
        (ARGO, "nightly-", "nightly-\n      labels: LABEL", "work"),
        (TEKTON, "{name: build}", "{name: build, labels: LABEL}", "pipeline/compile"),
        (TEKTON, '"true"}', '"true"}, labels: LABEL', "pipeline/compile"),
    ],
)
def test_no_timeout_counts_the_wait_for_a_quota(tmp_path: Path, text: str, old: str, new: str, name: str) -> None:
    run = run_of("nightly" if text is ARGO else "build", name, *took(*[300.0] * 12))
    assert "timeout:" in changes(guarded(text, tmp_path, run))
    result = guarded(text.replace(old, new.replace("LABEL", "{kueue.x-k8s.io/queue-name: team}")), tmp_path, run)
    assert "timeout:" not in changes(result)
    assert reasons(result)[name] == "its wait for a quota of Kueue would count, however long that is"
    assert name in actions(result)  # it is repeated all the same


def documents(text: str, folder: Path, caller: str, *runs: Run) -> Result:
    return guarded(f"{dedent(text)}---\n{dedent(caller)}", folder, *runs)


TEMPLATE = DECLARED.replace("kind: Workflow", "kind: WorkflowTemplate").replace("generateName: nightly-", "name: t")
CALLERS = {
    "whole": """\
        apiVersion: argoproj.io/v1alpha1
        kind: Workflow
        metadata: {name: caller}
        spec:
          SAYS
          workflowTemplateRef: {name: t}
        """,
    "one": """\
        apiVersion: argoproj.io/v1alpha1
        kind: CronWorkflow
        metadata: {name: caller}
        spec:
          schedules: ['0 * * * *']
          workflowSpec:
            SAYS
            entrypoint: go
            templates:
              - name: go
                steps: [[{name: train, templateRef: {name: t, template: work}}]]
        """,
    "another": """\
        apiVersion: argoproj.io/v1alpha1
        kind: WorkflowTemplate
        metadata: {name: between}
        spec:
          templates:
            - name: through
              steps: [[{name: train, templateRef: {name: t, template: work}}]]
        ---
        apiVersion: argoproj.io/v1alpha1
        kind: Workflow
        metadata: {name: caller}
        spec:
          SAYS
          entrypoint: go
          templates:
            - name: go
              steps: [[{name: train, templateRef: {name: between, template: through}}]]
        """,
}


@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
def test_what_callers_of_a_template_say_counts(tmp_path: Path, caller: str) -> None:
    def said(text: str, words: str) -> tuple[str, Result]:
        result = documents(text, tmp_path, caller.replace("SAYS", words))
        return changes(result), result

    patch, labels = f"podSpecPatch: '{LARGER}'", "podMetadata: {labels: {a: b}}"
    assert "podSpecPatch: |" in said(TEMPLATE, labels)[0]
    changed, result = said(TEMPLATE, patch)
    assert "podSpecPatch" not in changed
    assert "OOMKilled" not in changed
    assert "its workflow may say how much there is" in str(result.files[0].decisions)
    # Nobody has declared it: another container of its pod may have run before the main one.
    undeclared = TEMPLATE.replace(MARK, "- name: work")
    for words, is_repeated in (
        (labels, True),
        ("podSpecPatch: '{initContainers: [{name: i, image: mail}]}'", False),
        ("templateDefaults: {sidecars: [{name: db, image: 'postgres:16'}]}", False),
    ):
        changed, result = said(undeclared, words)
        assert ("retryStrategy" in changed) is is_repeated
        assert ("work" in actions(result)) is is_repeated


def test_a_run_says_how_long_the_pipeline_that_it_calls_may_take(tmp_path: Path) -> None:
    run = run_of("build", "pipeline/compile", *took(*[700.0] * 4))
    caller = """\
        apiVersion: tekton.dev/v1
        kind: PipelineRun
        metadata: {name: call}
        spec:
          pipelineRef: {name: build}
          timeouts: {pipeline: 30m}
        """
    assert changes(documents(TEKTON, tmp_path, caller, run)) == "+      retries: 1"
    assert changes(documents(TEKTON, tmp_path, caller.replace("30m", "2h"), run)) == "+      retries: 2"


def test_a_timeout_that_is_there_stays_and_a_short_one_is_told(tmp_path: Path) -> None:
    text = ARGO.replace("container:", "timeout: 20m\n          container:")
    for seconds, reason in ((600.0, "which stays as it is"), (1100.0, "its own timeout is short")):
        result = guarded(text, tmp_path, run_of("nightly", "work", *took(*[seconds] * 12)))
        assert "timeout:" not in changes(result)
        assert reason in reasons(result)["work"]


def test_figures_say_what_a_retry_would_have_saved(tmp_path: Path) -> None:
    evicted = Attempt(start=START, end=START + 9, succeeded=False, message="pod deleted")
    failed = Attempt(start=START, end=START + 9, succeeded=False, exit_code=1, message="main: Error (exit code 1)")
    runs = [
        run_of("nightly", "work", evicted, fate="failed"),
        run_of("nightly", "work", failed, fate="failed"),
        run_of("nightly", "work", *took(5.0)),
    ]
    (done,) = [item for item in guarded(DECLARED, tmp_path, *runs).files[0].decisions if item.action]
    assert done.figures == (
        ("attempts at most", 3),
        ("past attempts", 3),
        ("failed: deterministic", 1),
        ("failed: infrastructure", 1),
        ("runs lost for what passes", 1),
    )


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("[[guard.declare]]\nstep = '*'\nidempotent = true", "'idempotent' needs a step, a task or an image"),
        ("[[guard.declare]]\nworkflow = 'n'\nidempotent = true", "'idempotent' needs a step, a task or an image"),
        ("[[guard.declare]]\nstep = 'a'", "it says nothing: add idempotent = true"),
        ("[[guard.declare]]\nstep = 'a'\nguard = 'always'", "'guard' cannot be 'always'; write never"),
        ("[[guard.declare]]\nstep = 'a'\nretries = -1", "'retries' has to be from 0 to 10"),
        ("[[guard.declare]]\nstep = 'a'\nretries = 5000", "'retries' has to be from 0 to 10"),
        ("[[guard.declare]]\nstep = 'a'\nmax-timeout = 5", "'max-timeout' has to be from 60"),
        ("[[guard.declare]]\nstep = 'a'\nmax-memory = 64", "'max-memory' cannot be 64; write 64Gi"),
        ("[[guard.declare]]\nstep = 'a'\nretires = 1", "there is no 'retires'"),
    ],
)
def test_rows_are_checked(tmp_path: Path, settings: str, problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        guarded(ARGO, tmp_path, settings=settings)
    assert problem in str(caught.value)


def test_rows_bound_retries_and_timeouts(tmp_path: Path) -> None:
    run = run_of("nightly", "work", *took(*[1000.0] * 12))
    settings = "[[guard.declare]]\nstep = 'train'\nretries = 1\nmax-timeout = {}"
    lines = changes(guarded(DECLARED, tmp_path, run, settings=settings.format(1500)))
    assert "limit: 1" in lines
    assert "timeout: 1500s" in lines
    result = guarded(DECLARED, tmp_path, run, settings=settings.format(1100).replace("retries = 1", "retries = 0"))
    assert changes(result) == ""


@pytest.mark.parametrize(
    "text", ["retries=11", "delay=-1", "min-timeout=5", "memory-factor=0.5", "factor=1.5", "max-memory=64"]
)
def test_options_are_checked(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_pipeline(f"guard{{{text}}}", PLUGINS)


def test_the_order_of_passes_is_checked(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="rightsize"):
        guarded(ARGO, tmp_path, passes="guard,rightsize")


def test_kubeflow_repeats_what_is_declared_and_has_time_for_it(tmp_path: Path) -> None:
    text = (ROOT / "tests" / "corpus" / "kfp" / "chain.yaml").read_text(encoding="utf-8")
    run = run_of("chain", "comp-length", *took(*[1000.0] * 12))
    settings = "[[guard.declare]]\ntask = 'length'\nidempotent = true"
    result = guarded(text, tmp_path, run, settings=settings)
    lines = [line.strip("+ ") for line in changes(result).splitlines()]
    assert set(lines) >= {
        *("retryPolicy:", "maxRetryCount: 2", "backoffDuration: 30s", "backoffFactor: 2.0"),
        *("backoffMaxDuration: 31536000s", 'activeDeadlineSeconds: "3000"'),
    }
    assert "root/length" in actions(result)
    assert reasons(result)["root/length-2"].startswith("its engine cannot tell what never began")


def test_what_is_left_alone_for_one_reason_is_told_once(tmp_path: Path) -> None:
    tasks = "".join(f"        - {{name: t{number}, taskRef: {{name: t}}}}\n" for number in range(5))
    text = dedent(TEKTON).partition("  tasks:")[0] + "  tasks:\n" + dedent(tasks).replace("- ", "    - ")
    (told,) = guarded(text, tmp_path).files[0].decisions
    assert (told.subject, told.affects) == ("pipeline/t0", tuple(f"pipeline/t{number}" for number in range(1, 5)))
