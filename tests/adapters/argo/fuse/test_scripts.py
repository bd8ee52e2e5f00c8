"""A chain as one script computes what its steps compute: both are really run."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from adapters.argo.fuse.chains import after, container, fused, ran, script, template_of, workflow
from running.local.running import runs
from support import examples

TEXTS = st.text(st.sampled_from("ab $`\"'\\\n%;&|<>(){}*?#!~@\t=éŁ\u2028-0"), max_size=12).filter(
    lambda text: "{{" not in text and "}}" not in text and not text.startswith("}") and not text.endswith("{")
)
"""Texts that make no other tag of the tags beside them."""
SHELL = "cat <<'COULD-NOT-BE'\n{{inputs.parameters.x}}\nCOULD-NOT-BE\n"
PYTHON = """\
import os, sys
x = open(sys.argv[0], "rb").read().decode().split("#" + "--\\n")[1]
os.makedirs("/tmp/couler", exist_ok=True)
print(sorted(os.listdir("/tmp/couler")), x, end=" ")
print([os.environ.get(name) for name in ("ONE", "TWO")], end=" ")
"""
"""A value ends the program as a comment: it has one line, and so has all that a step prints."""


@st.composite
def chains(draw: st.DrawFn, command: str) -> Any:
    """A chain of two to four steps; each reads some of what those before it give, among texts of any kind."""
    texts = TEXTS if command == "sh" else TEXTS.map(lambda text: text.replace("\n", ""))
    tasks: list[Any] = []
    templates: list[Any] = []
    tags: list[str] = []
    outputs: dict[str, str] = {}
    for number in range(draw(st.integers(2, 4))):
        name = "abcd"[number]
        parts = [draw(texts), *draw(st.lists(st.sampled_from(tags), max_size=3) if tags else st.just([])), draw(texts)]
        parts += tags if number == 1 else []
        files = [item for item in templates if item.get("outputs", {}).get("artifacts")]
        source = draw(st.sampled_from([None, *(item["name"] for item in files)]))
        arguments = {
            "x": "".join(parts),
            **({"d": f"from:{{{{tasks.{source}.outputs.artifacts.d}}}}"} if source else {}),
        }
        tasks.append(after(name, "abcd"[number - 1] if number else "", **arguments))
        if draw(st.booleans()):
            value = draw(st.one_of(texts, st.sampled_from(tags)) if tags else texts)
            tasks[-1]["arguments"]["parameters"].append({"name": "own", "value": value})
        inputs: dict[str, Any] = {"parameters": [{"name": "x"}, {"name": "own", "value": "<{{pod.name}}>"}]}
        if source:
            inputs["artifacts"] = [{"name": "d", "path": f"/tmp/couler/{draw(st.sampled_from(['in', 'data']))}"}]
        results: dict[str, Any] = {"parameters": []}
        if draw(st.booleans()):
            results["parameters"].append({"name": "p", "valueFrom": {"path": "/tmp/couler/p"}})
            tags.append(f"{{{{tasks.{name}.outputs.parameters.p}}}}")
        if states := draw(st.sampled_from(["", "", "{{inputs.parameters.own}}", "ab {{inputs.parameters.own}}"])):
            results["parameters"].append({"name": "s", "value": states})
            tags.append(f"{{{{tasks.{name}.outputs.parameters.s}}}}")
        if draw(st.booleans()):
            results["artifacts"] = [{"name": "d", "path": "/tmp/couler/data"}]
        tags.append(f"{{{{tasks.{name}.outputs.result}}}}")
        templates.append(_template(draw, name, command, inputs, results, bool(source)))
        outputs |= {f"o{len(outputs) + more}": tag for more, tag in enumerate(tags[-1:])} if draw(st.booleans()) else {}
    return workflow(tasks, templates, outputs | {"last": tags[-1]})


def _template(draw: st.DrawFn, name: str, command: str, inputs: Any, results: Any, reads: bool) -> Any:
    own = draw(st.text(st.sampled_from("ab c"), max_size=5))
    place = inputs["artifacts"][0]["path"] if reads else ""
    ports = {"inputs": inputs, "outputs": results}
    values = {"ONE": "{{inputs.parameters.x}}", "TWO": f"{own}{{{{inputs.parameters.own}}}}"}
    chosen = draw(st.sets(st.sampled_from(sorted(values))))
    env = [{"name": variable, "value": values[variable]} for variable in sorted(chosen)]
    if command == "sh":
        lines = ["mkdir -p /tmp/couler\n", SHELL, "ls /tmp/couler\n", 'printf "%s " "$ONE" "${TWO-none}"\n']
        lines += ["cat {{inputs.artifacts.d.path}}\n"] if reads else []
        lines += [f"echo '{own}' > /tmp/couler/data\n"] if "artifacts" in results else []
        lines += (
            ["cat > /tmp/couler/p <<'COULD-NOT-BE'\n", own, " {{inputs.parameters.x}}\nCOULD-NOT-BE\n"]
            if any(item["name"] == "p" for item in results["parameters"])
            else []
        )
        source = "".join(lines)
        if draw(st.booleans()):
            return with_variables(script(name, source, **ports), env)
        source = source.replace("{{inputs.parameters.x}}", "$0")
        return with_variables(container(name, "sh", "-c", source, "{{inputs.parameters.x}}", **ports), env)
    lines = [PYTHON]
    lines += [f"print(open('{place}').read(), end=' ')\n"] if reads else []
    lines += [f"open('/tmp/couler/data', 'w').write('{own}')\n"] if "artifacts" in results else []
    lines += (
        [f"open('/tmp/couler/p', 'wb').write(('{own}' + x).encode())\n"]
        if any(item["name"] == "p" for item in results["parameters"])
        else []
    )
    source = "".join(lines) + "#--\n#{{inputs.parameters.x}}#--\n"
    return with_variables(script(name, source, "python3", **ports), env)


def with_variables(template: Any, env: list[Any]) -> Any:
    (template.get("script") or template["container"])["env"] = env
    return template


def without_pod_names(run: tuple[str, dict[str, Any]]) -> str:
    """A run, with numbers for the names of its pods: who has had one name has it still, and others have others."""
    names: dict[str, str] = {}
    text = json.dumps(run, sort_keys=True)
    return re.sub(r"<P\d+P(-[abcd])?>", lambda name: names.setdefault(name[0], f"<{len(names)}>"), text)


def check(document: Any) -> None:
    whole = fused(document, "fuse{allow=files|name,keep-original=false}")
    has_stated = '"name": "s"' in json.dumps(document)  # beside what only the pod makes, that is refused
    assert len(template_of(whole, "main")["dag"]["tasks"]) == 1 or has_stated
    if len(template_of(whole, "main")["dag"]["tasks"]) > 1 and '"from"' in json.dumps(document):
        return  # the word `files` lets a step find an artifact that another one of its pod has got from outside
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        before, now = ran(document, Path(first)), ran(whole, Path(second))
    assert without_pod_names(now) == without_pod_names(before)
    assert now[0] == "Succeeded"


@given(chains("sh"))
@hypothesis_settings(deadline=None, max_examples=examples(40))
def test_chains_of_shells_compute_the_same(document: Any) -> None:
    check(document)


@given(chains("python3"))
@hypothesis_settings(deadline=None, max_examples=examples(20))
def test_chains_of_python_compute_the_same(document: Any) -> None:
    check(document)


LOCAL = {
    "sh": "mkdir -p /tmp/couler; echo '<{{inputs.parameters.x}}>' > /tmp/couler/p; echo said",
    "python3": "import os\nos.makedirs('/tmp/couler', exist_ok=True)\n"
    "open('/tmp/couler/p', 'w').write('<{{inputs.parameters.x}}>')\nprint('said')\n",
}


@pytest.mark.parametrize("command", LOCAL)
def test_a_local_run_gives_the_same(command: str, tmp_path: Path) -> None:
    outputs = {"parameters": [{"name": "p", "valueFrom": {"path": "/tmp/couler/p"}}]}
    ports = {"inputs": {"parameters": [{"name": "x"}]}, "outputs": outputs}
    tasks = [after("a", x="1"), after("b", "a", x="{{tasks.a.outputs.parameters.p}}{{tasks.a.outputs.result}}")]
    tags = {"one": "{{tasks.a.outputs.parameters.p}}", "two": "{{tasks.b.outputs.parameters.p}}"}
    document = workflow(tasks, [script(name, LOCAL[command], command, **ports) for name in "ab"], tags)
    before, now = (runs(yaml.safe_dump(one), tmp_path / str(id(one))).outputs for one in (document, fused(document)))
    assert before == now == {"one": "<1>", "two": "<<1>said>"}
