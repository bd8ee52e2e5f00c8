"""A chain as one script computes what its steps compute: both are really run."""

from __future__ import annotations

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
        inputs: dict[str, Any] = {"parameters": [{"name": "x"}]}
        if source:
            inputs["artifacts"] = [{"name": "d", "path": f"/tmp/couler/{draw(st.sampled_from(['in', 'data']))}"}]
        results: dict[str, Any] = {}
        if draw(st.booleans()):
            results["parameters"] = [{"name": "p", "valueFrom": {"path": "/tmp/couler/p"}}]
            tags.append(f"{{{{tasks.{name}.outputs.parameters.p}}}}")
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
    if command == "sh":
        lines = ["mkdir -p /tmp/couler\n", SHELL, "ls /tmp/couler\n"]
        lines += ["cat {{inputs.artifacts.d.path}}\n"] if reads else []
        lines += [f"echo '{own}' > /tmp/couler/data\n"] if "artifacts" in results else []
        lines += (
            ["cat > /tmp/couler/p <<'COULD-NOT-BE'\n", own, " {{inputs.parameters.x}}\nCOULD-NOT-BE\n"]
            if "parameters" in results
            else []
        )
        source = "".join(lines)
        if draw(st.booleans()):
            return script(name, source, **ports)
        return container(
            name, "sh", "-c", source.replace("{{inputs.parameters.x}}", "$0"), "{{inputs.parameters.x}}", **ports
        )
    lines = [PYTHON]
    lines += [f"print(open('{place}').read(), end=' ')\n"] if reads else []
    lines += [f"open('/tmp/couler/data', 'w').write('{own}')\n"] if "artifacts" in results else []
    lines += [f"open('/tmp/couler/p', 'wb').write(('{own}' + x).encode())\n"] if "parameters" in results else []
    return script(name, "".join(lines) + "#--\n#{{inputs.parameters.x}}#--\n", "python3", **ports)


def check(document: Any) -> None:
    whole = fused(document)
    assert len(template_of(whole, "main")["dag"]["tasks"]) == 1
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        before, now = ran(document, Path(first)), ran(whole, Path(second))
    assert now == before
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
