"""What `couler explain` says of caching: a verdict on every call site, all objections with their lines, and a total."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from couler_plugins.cli.group import couler
from couler_plugins.cli.verdicts import RULE_WORDS, words_for
from support import ROOT

DOCS = ROOT / "docs" / "explain.md"
LIBRARY = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: lib}
spec:
  templates:
    - name: fetch
      inputs: {parameters: [{name: url}]}
      script:
        image: python:3.12
        command: [python]
        source: |
          import requests
          import random
          print(requests.get("{{inputs.parameters.url}}").text, random.random())
    - name: count
      inputs: {parameters: [{name: x}]}
      container: {image: alpine, command: [count], args: ["{{inputs.parameters.x}}"]}
      outputs: {artifacts: [{name: total, path: /tmp/total}]}
"""
CALLER = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: caller-}
spec:
  entrypoint: main
  onExit: notify
  templates:
    - name: main
      dag:
        tasks:
          - name: download
            templateRef: {name: lib, template: fetch}
            arguments: {parameters: [{name: url, value: a}]}
          - name: elsewhere
            templateRef: {name: absent, template: work}
          - name: count
            templateRef: {name: lib, template: count}
            arguments: {parameters: [{name: x, value: "1"}]}
          - {name: one, template: work, arguments: {parameters: [{name: x, value: "1"}]}}
          - {name: two, template: work, arguments: {parameters: [{name: x, value: "2"}]}, depends: one}
          - {name: three, template: work, arguments: {parameters: [{name: x, value: "3"}]}, depends: one}
    - name: work
      inputs: {parameters: [{name: x}]}
      container: {image: alpine, command: [run], args: ["{{inputs.parameters.x}}"]}
      outputs: {artifacts: [{name: result, path: /tmp/result}]}
    - name: notify
      container: {image: alpine, command: [mail]}
"""


def twice() -> str:
    """The caller with two templates that do the same."""
    work = CALLER[CALLER.index("    - name: work") : CALLER.index("    - name: notify")]
    return CALLER.replace("name: two, template: work", "name: two, template: same") + work.replace("work", "same", 1)


Explain = Callable[..., Result]
MEMOIZE = ("-p", "dedupe,cache{via=memoize}", ".", "--format", "json")


@pytest.fixture
def explain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Explain:
    """Runs `couler explain` where there are a library, and a workflow that calls it."""
    monkeypatch.chdir(tmp_path)
    Path("lib.yaml").write_text(LIBRARY)
    Path("caller.yaml").write_text(CALLER)
    return lambda *arguments: CliRunner().invoke(couler, ("explain", *arguments), catch_exceptions=False)


def verdicts(result: Result) -> dict[str, dict[str, Any]]:
    """The decisions on call sites, by subject."""
    files = json.loads(result.stdout)["files"]
    decisions = [one for file in files for item in file["passes"] for one in item["decisions"] if "calls" in one]
    found = {one["subject"]: one for one in decisions}
    assert len(found) == len(decisions)
    return found


def test_every_call_site_has_one_verdict(explain: Explain) -> None:
    found = verdicts(explain(".", "--format", "json"))
    assert {subject: (one["verdict"], one["calls"]) for subject, one in found.items()} == {
        "main/download": ("never", "lib/fetch"),
        "main/elsewhere": ("not-in-call", "absent/work"),
        "main/count": ("declarable", "lib/count"),
        "main/one": ("declarable", "work"),
        "main/two": ("declarable", "work"),
        "main/three": ("declarable", "work"),
        "notify": ("never", "notify"),
    }
    assert [item["rule"] for item in found["notify"]["objections"]] == ["handler"]
    assert found["main/elsewhere"]["objections"][0]["reason"] == (
        "it calls 'work' of 'absent', which is in none of these files"
    )


def test_a_callee_that_is_not_in_the_call_is_not_guessed(explain: Explain) -> None:
    found = verdicts(explain("caller.yaml", "--format", "json"))
    assert {found[f"main/{name}"]["verdict"] for name in ("download", "count", "elsewhere")} == {"not-in-call"}


def test_all_objections_are_told_with_their_lines(explain: Explain) -> None:
    found = verdicts(explain(".", "--format", "json"))
    against = {item["rule"]: item for item in found["main/download"]["objections"]}
    assert against.keys() == {"network", "randomness", "no-outputs", "printed-result", "not-declared"}
    lines = {rule: (item["file"], item["line"]) for rule, item in against.items()}
    assert lines == {
        "network": ("lib.yaml", 12),
        "randomness": ("lib.yaml", 13),
        "no-outputs": ("lib.yaml", 6),
        "printed-result": ("lib.yaml", 6),
        "not-declared": ("lib.yaml", 6),
    }
    assert against["not-declared"]["remedy"] == (
        "metadata: {annotations: {couler.io/cache: pure}}, in the template 'fetch'"
    )
    assert [rule for rule, item in against.items() if "remedy" not in item] == ["no-outputs", "printed-result"]
    assert (
        against["network"]["remedy"]
        == against["randomness"]["remedy"]
        == ("metadata: {annotations: {couler.io/cache-allow: \"network,random\"}}, in the template 'fetch'")
    )
    assert (found["main/two"]["file"], found["main/two"]["line"]) == ("caller.yaml", 20)


DRAW = 'command: [sh, -c], args: ["shuf {{inputs.parameters.x}}; curl x"]'
WORK = "    - name: work\n"


def test_a_word_in_what_is_declared_is_a_warning_with_its_line(explain: Explain) -> None:
    said = f"{WORK}      metadata: {{annotations: {{couler.io/cache: pure}}}}\n"
    text = CALLER.replace('command: [run], args: ["{{inputs.parameters.x}}"]', DRAW).replace(WORK, said)
    Path("caller.yaml").write_text(text)
    line = text[: text.index("shuf")].count("\n") + 1
    told = explain("-p", "cache{via=memoize}", ".").stdout
    assert told.count(f"warning: line {line}: it contains 'shuf': if it is not seeded, the first result is kept\n") == 1
    assert told.count(f"warning: line {line}: it contains 'curl': if what it fetches changes, the first result") == 1
    for name in ("one", "two", "three"):
        decision = verdicts(explain(*MEMOIZE))[f"main/{name}"]
        assert decision["verdict"] == "cached"
        assert [(item["rule"], item["line"]) for item in decision["warnings"]] == [
            ("randomness", line),
            ("network", line),
        ]


def test_a_refusal_that_can_be_waived_says_how(explain: Explain) -> None:
    env = "env: [{name: E, valueFrom: {secretKeyRef: {name: s, key: k}}}], command: [run]"
    Path("caller.yaml").write_text(CALLER.replace("command: [run]", env))
    found = verdicts(explain(*MEMOIZE))["main/one"]
    assert found["verdict"] == "declarable"
    assert {item["rule"]: item["remedy"] for item in found["objections"]} == {
        "secret": "metadata: {annotations: {couler.io/cache-allow: secret}}, in the template 'work'",
        "not-declared": "metadata: {annotations: {couler.io/cache: pure}}, in the template 'work'",
    }
    line = Path("caller.yaml").read_text().split("secretKeyRef")[0].count("\n") + 1
    reason = "it reads secretKeyRef, whose content is unknown"
    assert f"line {line}: {reason}: add metadata: " in explain("-p", "cache{via=memoize}", ".").stdout


def test_what_is_said_to_be_declarable_is_cached_once_it_is_declared(explain: Explain) -> None:
    before = verdicts(explain(*MEMOIZE))
    declare = "metadata: {annotations: {couler.io/cache: pure}}"
    places = {
        (item["file"], item["line"])
        for one in before.values()
        if one["verdict"] == "declarable"
        for item in one["objections"]
    }
    assert places == {("lib.yaml", 15), ("caller.yaml", 22)}
    for file, line in places:
        lines = Path(file).read_text().splitlines()
        lines.insert(line, f"      {declare}")
        Path(file).write_text("\n".join(lines) + "\n")
    after = verdicts(explain(*MEMOIZE))
    assert {subject: one["verdict"] for subject, one in after.items()} == {
        subject: "cached" if one["verdict"] == "declarable" else one["verdict"] for subject, one in before.items()
    }


def test_the_text_is_by_workflow_and_ends_in_a_total(explain: Explain) -> None:
    Path("values.yaml").write_text("image: x\n")
    result = explain("caller.yaml", "lib.yaml", "values.yaml")
    assert result.exit_code == 0
    (shown,) = re.findall(r"^```console\n(.*?)^```", DOCS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert shown == f"$ couler explain caller.yaml lib.yaml\n{result.stdout}"
    assert result.stderr == "values.yaml: no workflow found\n"
    told = [line for line in result.stdout.splitlines() if "line " in line]
    assert len(told) == len(set(told))


def test_the_total_is_in_the_json(explain: Explain) -> None:
    totals = json.loads(explain(".", "--format", "json").stdout)["total"]
    (total,) = [item for item in totals if item["optimizer"] == "cache"]
    assert total["engine"] == "argo"
    assert (total["calls"], total["unjudged"], total["places"]) == (7, 0, 2)
    assert total["verdicts"] == {"declarable": 4, "never": 2, "not-in-call": 1}
    assert total["never"] == {"handler": 1, "no-outputs": 1, "printed-result": 1}
    assert total["uncalled"] == {}


def test_a_call_of_a_graph_elsewhere_is_judged_by_its_steps(explain: Explain) -> None:
    graph = """\
    - name: both
      dag: {tasks: [{name: count, template: count, arguments: {parameters: [{name: x, value: "1"}]}}, OTHER]}
"""
    other = "{name: fetch, template: fetch, arguments: {parameters: [{name: url, value: a}]}}"
    Path("caller.yaml").write_text(CALLER.replace("{name: lib, template: fetch}", "{name: lib, template: both}"))
    for inner, verdict in (
        (other, "never"),
        ("{name: gone, templateRef: {name: absent, template: work}}", "not-in-call"),
    ):
        Path("lib.yaml").write_text(LIBRARY + graph.replace("OTHER", inner))
        found = verdicts(explain(".", "--format", "json"))
        assert found["main/download"]["verdict"] == verdict
        assert found["main/download"]["calls"] == "lib/both"
        assert ("external" in {item["rule"] for item in found["main/download"]["objections"]}) is ("gone" in inner)


def test_a_library_whose_own_call_may_not_be_cached_says_so_to_others(explain: Explain) -> None:
    pure = LIBRARY.replace(
        "    - name: count\n", "    - name: count\n      metadata: {annotations: {couler.io/cache: pure}}\n"
    )
    assert "    - name: count\n      metadata" in pure
    inner = '{name: count, template: count, arguments: {parameters: [{name: x, value: "{{workflow.uid}}"}]}}'
    Path("lib.yaml").write_text(pure)
    assert verdicts(explain(*MEMOIZE))["main/count"]["verdict"] == "cached"
    Path("lib.yaml").write_text(f"{pure}    - name: own\n      dag: {{tasks: [{inner}]}}\n")
    found = verdicts(explain(*MEMOIZE))
    assert [item["rule"] for item in found["main/count"]["objections"]] == ["uncached-caller"]


def test_the_page_tells_all_objections(explain: Explain) -> None:
    page = CliRunner().invoke(couler, ["graph", ".", "--format", "html"], catch_exceptions=False).stdout
    assert "it has no outputs, so it runs for its effect; another workflow" in page
    assert "which may use the network: add metadata: " in page


def test_steps_that_say_the_same_are_one_line(explain: Explain) -> None:
    tasks = "".join(
        f"          - {{name: t{number}, template: work, arguments: {{parameters: [{{name: x, value: x}}]}}}}\n"
        for number in range(40)
    )
    Path("many.yaml").write_text(CALLER.replace("    - name: work\n", f"{tasks}    - name: work\n"))
    lines = explain("many.yaml").stdout.splitlines()
    (line,) = [line for line in lines if "t1," in line or "and 3" in line]
    assert line.endswith(" and 37 more")
    assert len(lines) < 20


def test_a_workflow_template_that_is_referred_to_is_judged_by_its_entry(explain: Explain) -> None:
    head = "apiVersion: argoproj.io/v1alpha1\nkind: {}\nmetadata: {}\nspec:\n"
    entry = "  entrypoint: count\n" + LIBRARY[LIBRARY.index("  templates:") :]
    Path("entry.yaml").write_text(head.format("WorkflowTemplate", "{name: entry}") + entry)
    reference = "  arguments: {parameters: [{name: x, value: '1'}]}\n  workflowTemplateRef: {name: NAME}\n"
    start = head.format("Workflow", "{generateName: start-, namespace: argo}") + reference
    Path("start.yaml").write_text(start.replace("NAME", "entry"))
    Path("lost.yaml").write_text(start.replace("NAME", "nowhere"))
    found = verdicts(explain("entry.yaml", "start.yaml", "lost.yaml", "--format", "json"))
    assert (found["entry"]["verdict"], found["entry"]["calls"]) == ("declarable", "entry")
    assert found["nowhere"]["verdict"] == "not-in-call"
    reason = "it calls the workflow 'nowhere', which is in none of these files"
    assert [item["reason"] for item in found["nowhere"]["objections"]] == [reason]


def test_what_was_printed_before_is_named_beside_what_is_new(explain: Explain) -> None:
    fetch = LIBRARY[LIBRARY.index("    - name: fetch") : LIBRARY.index("    - name: count")]
    Path("lib.yaml").write_text(LIBRARY + fetch.replace("fetch", "grab").replace("url", "x"))
    grab = CALLER.replace("generateName: caller-", "generateName: second-").replace("template: count", "template: grab")
    Path("second.yaml").write_text(grab)
    text = explain("caller.yaml", "second.yaml", "lib.yaml").stdout
    both = text[text.index("second-*") :].split("never cached: main/download, main/count")[1].splitlines()
    known = "effects, printed results that another workflow reads"
    assert both[0] == f": {known} (see above)"
    assert both[1].lstrip().startswith("lib.yaml:19")
    assert "it has no outputs" in both[1]


def test_only_some_optimizers_are_shown(explain: Explain) -> None:
    Path("twice.yaml").write_text(twice())
    both = explain("twice.yaml").stdout
    assert "    dedupe\n" in both
    assert "never cached" in both
    assert "dedupe" not in explain("--only", "cache", "twice.yaml").stdout
    assert "never cached" not in explain("--only", "dedupe", "twice.yaml").stdout
    assert explain("--only", "dedupe,cache", "twice.yaml").stdout == both
    assert explain("--only", "dedupe", "--only", "cache", "twice.yaml").stdout == both
    refused = explain("--only", "cahce", "twice.yaml")
    assert refused.exit_code == 2
    assert "'cahce', which did not run; these did: cache, dedupe" in refused.stderr


def test_what_changes_nothing_says_so(explain: Explain) -> None:
    run = CliRunner().invoke
    for command in (["diff", "."], ["optimize", "--check", "."]):
        result = run(couler, command)
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr.endswith("No changes in 2 workflows of 2 files.\n")
    Path("caller.yaml").write_text(twice())
    for command in (["diff", "."], ["optimize", "--check", "."]):
        assert "No changes" not in run(couler, command).stderr


def test_every_rule_has_plain_words() -> None:
    rule = re.compile(r"""Objection\(\s*"([a-z-]+)\"""")
    folders = [ROOT / "couler_plugins" / "caching", *(ROOT / "adapters").glob("*/couler_*")]
    texts = [path.read_text(encoding="utf-8") for folder in folders for path in folder.rglob("*.py")]
    rules = {name for text in texts for name in rule.findall(text)} - NEVER_TOLD
    assert len(rules) > 40
    assert sorted(rules - RULE_WORDS.keys()) == []
    assert words_for("of-a-plugin") == "of a plugin"


NEVER_TOLD = {"cached-by-owner", "called-here", "composite", "copy", "importer", "known", "not-wrapped", "reimport"}
"""Rules of steps that are cached all the same, or that only stand beside another one."""


def test_templates_that_call_each_other_in_a_circle_are_never_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, other in (("a", "b"), ("b", "a")):
        Path(f"{name}.yaml").write_text(
            "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\n"
            f"metadata: {{name: {name}}}\n"
            f"spec: {{templates: [{{name: t, steps: [[{{name: x, templateRef: {{name: {other}, template: t}}}}]]}}]}}\n"
        )
    done = CliRunner().invoke(couler, ["explain", "."], catch_exceptions=False)
    assert done.exit_code == 0
    assert "2 steps in 2 workflows: 0 cached, 2 never.\n" in done.stdout
    assert "Never, by reason (a step can have several): recursion 2.\n" in done.stdout
