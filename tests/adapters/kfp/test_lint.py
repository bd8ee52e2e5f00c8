"""What is wrong with pipelines, all of it at once, by code and line; nothing is wrong with those of KFP's own tests."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import pytest

from adapters.kfp.split.generating import chain
from adapters.kfp.split.runs import splitting
from adapters.kfp.test_bad_input import DANGLING, NEEDS
from adapters.kfp.test_documents import PIPELINE
from adapters.subjects import KFP
from couler_kfp import lint as kfp_lint
from couler_plugins.api import Text, lint, optimize
from couler_plugins.documents import dump_yaml
from support import ROOT

READABLE = [case for case in DANGLING if "not valid YAML" not in case[2]]
KEY = "cachingOptions: {cacheKey: k, enableCache: true}"
READS = "inputs: {parameters: {x: {taskOutputParameter: {producerTask: make, outputParameterKey: name}}}}"
CONDITION = "triggerPolicy: {condition: \"inputs.parameter_values['x'] == 'a'\"}"
LOOP = "parameterIterator: {itemInput: y, items: {inputParameter: x}}"
GIVEN = "inputs: {parameters: {x: {runtimeValue: {constant: a}}}}"
NEEDED = ("    executorLabel: exec-use", "    inputDefinitions: {parameters: {x: {%s}}}\n    executorLabel: exec-use")
LINE = 26


def found(text: str) -> list[tuple[str, str, int | None]]:
    """The severity, the code and the line of each finding."""
    return [(item.severity, item.code, item.line) for item in lint(Text(text, "p.yaml")).findings]


def with_task(*lines: str) -> str:
    """The pipeline with these lines in place of what its second task waits for."""
    return PIPELINE.replace(NEEDS, "\n        ".join(lines), 1)


def test_nothing_is_wrong_with_the_pipelines_of_kfp() -> None:
    paths = [str(path) for path in KFP.files()]
    assert lint(paths).documents > len(paths) / 2
    assert lint(paths).findings == ()


@pytest.mark.parametrize(("old", "new", "message"), READABLE, ids=[message for _, _, message in READABLE])
def test_what_is_refused_is_an_error_on_the_same_line(old: str, new: str, message: str) -> None:
    line, said = int(message.split(":")[1]), message.split(": ", 1)[1].removeprefix("claims: ")
    (finding,) = lint(Text(PIPELINE.replace(old, new, 1), "p.yaml")).findings
    assert (finding.severity, finding.line) == ("error", line)
    assert said in finding.message
    assert finding.code == ("broken-reference" if "claims: " in message else "no-pipeline")


def test_all_that_is_wrong_is_told_at_once() -> None:
    text = with_task("dependentTasks: [makes]", KEY, READS.replace("make,", "maker,"), CONDITION, LOOP)
    assert [item[1] for item in found(text)].count("broken-reference") == 2


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ((NEEDS, CONDITION), "missing-argument"),
        ((NEEDS, CONDITION, GIVEN), ""),
        ((NEEDS, LOOP), "missing-argument"),
        ((NEEDS, LOOP, GIVEN), ""),
        ((NEEDS, KEY, READS), "cache-key"),
        ((NEEDS, KEY, GIVEN), ""),
        ((NEEDS, KEY.replace("cacheKey: k, ", ""), READS), ""),
    ],
)
def test_what_fails_or_surprises_in_a_run_is_a_warning(lines: tuple[str, ...], code: str) -> None:
    text = with_task(*lines).replace(NEEDED[0], NEEDED[1] % "parameterType: STRING, isOptional: true")
    assert found(text) == ([("warning", code, LINE + 1)] if code else [])


@pytest.mark.parametrize(
    ("declared", "wrong"), [("", True), (", isOptional: true", False), (", defaultValue: a", False)]
)
def test_what_a_component_needs_is_given(declared: str, wrong: bool) -> None:
    text = PIPELINE.replace(NEEDED[0], NEEDED[1] % f"parameterType: STRING{declared}")
    assert found(text) == ([("error", "broken-reference", LINE + 1)] if wrong else [])


@pytest.mark.parametrize(
    ("container", "wrong"),
    [
        ("command: [echo, hello]", True),
        ("args: [hello]", True),
        ("""command: [sh, -c, "echo > {{$.outputs.parameters['other'].output_file}}"]""", True),
        ("""command: [sh, -c, "echo > {{$.outputs.artifacts['name'].path}}"]""", True),
        ("""command: [tool], args: [--to, "{{$.outputs.parameters['name'].output_file}}"]""", False),
        ("""command: [tool], env: [{name: TO, value: "{{$.outputs.parameters['name'].output_file}}"}]""", False),
        ("""args: ['{"Concat": ["--to=", "{{$.outputs.parameters[''name''].output_file}}"]}']""", False),
        ('command: [python, -m, kfp.dsl.executor_main, --executor_input, "{{$}}"]', False),
        ('command: [tool, "{{$.json_escape[1]}}"]', False),
        ("command: [sh, -c, 'echo > /tmp/kfp/outputs/name']", False),
        ("command: [tool, --result, /tmp/kfp_outputs/output_metadata.json]", False),
        ("env: [{name: A, value: b}]", False),  # its image says what it runs
    ],
)
def test_a_command_is_told_where_its_outputs_go(container: str, wrong: bool) -> None:
    text = PIPELINE.replace('{image: "busybox:1"}', f'{{image: "busybox:1", {container}}}')
    assert found(text) == ([("warning", "unwritten-output", 3)] if wrong else [])


def test_names_and_sizes() -> None:
    assert found(PIPELINE.replace("name: claims", "name: ПАЙ"))[0][:2] == ("error", "invalid-name")
    big = with_task(NEEDS, "inputs: {parameters: {x: {runtimeValue: {constant: " + 400_000 * "a" + "}}}}")
    assert found(big) == [("warning", "size", 2)]


def test_nothing_is_wrong_with_what_splitting_makes() -> None:
    (result,) = optimize(Text(json.dumps(chain(3)), "p.json"), splitting("max-steps=1")).files
    text = "---\n".join(map(dump_yaml, result.documents or ()))
    assert text.count("schemaVersion") > 3
    assert found(text) == []


def test_a_platform_that_is_no_mapping_stops_nothing() -> None:
    platform = "---\nplatforms: {kubernetes: {deploymentSpec: {executors: {exec-use: -1}}}}\n"
    linted = lint(Text(PIPELINE.partition("---\n")[0] + platform, "p.yaml"))
    assert (linted.errors, linted.documents) == ((), 2)


def test_the_page_has_every_code() -> None:
    source = Path(inspect.getsourcefile(kfp_lint) or "").read_text(encoding="utf-8")
    codes = set(re.findall(r'"(?:error|warning)", "([a-z]+-[a-z-]+)"|yield "([a-z]+-[a-z-]+)"', source))
    page = (ROOT / "docs" / "kfp.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `([a-z-]+)` \| (?:error|warning) ", page, re.MULTILINE))
    assert {first or second for first, second in codes} | {"size"} == rows  # `size` comes from the footprint
