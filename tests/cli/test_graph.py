from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st

from cli.splitting import CHAINS
from couler_plugins.ir import (
    Axis,
    Call,
    External,
    Graph,
    Handler,
    Literal,
    Loop,
    Need,
    Operation,
    Reference,
    Step,
    Template,
    Workflow,
)
from couler_plugins.viz.diagrams import draw, to_dot, to_mermaid
from linting_plugin import LINTING_PLUGIN
from pluginbox import PluginBox

Couler = Callable[..., Result]
TOY = """\
kind: Toy
name: a
steps:
- {name: get, run: curl}
- {name: use, run: cat, after: [get], when: "x > 1", each: [1, 2]}
"""


def workflow(*graphs: Graph, name: str = "w", library: bool = False, handlers: tuple[Handler, ...] = ()) -> Workflow:
    entry = None if library else Step(name=graphs[0].name, call=Call(name=graphs[0].name))
    operations = (Operation(name="op", kind="container"),)
    return Workflow(
        name=name,
        engine="toy",
        kind="Toy",
        library="namespace" if library else "",
        entry=entry,
        graphs=graphs,
        operations=operations,
        handlers=handlers,
    )


def steps(*names: str) -> tuple[Step, ...]:
    return tuple(Step(name=name, call=Call(name="op")) for name in names)


def mermaid(*workflows: Workflow) -> list[str]:
    return to_mermaid(draw(workflows)).splitlines()


def test_mermaid(couler_command: Couler) -> None:
    done = couler_command("graph", stdin=TOY)
    assert done.exit_code == 0
    assert done.stdout == (
        "flowchart TD\n"
        '  subgraph g1["Toy a"]\n'
        '    n2(["start"])\n'
        '    subgraph g4["main"]\n'
        '      n3(["main"])\n'
        '      n5["get"]\n'
        '      n6["use<br/>if x #62; 1<br/>for each item in #91;1,2#93;"]\n'
        "    end\n"
        "  end\n"
        "  n2 ==> n3\n"
        "  n5 --> n6\n"
        "  n3 --> n5\n"
    )
    assert couler_command("graph", stdin=TOY).stdout == done.stdout


def test_dot(couler_command: Couler) -> None:
    done = couler_command("graph", "--format", "dot", stdin=TOY)
    assert done.stdout == (
        "digraph couler {\n"
        "  subgraph cluster_g1 {\n"
        '    label="Toy a"\n'
        '    n2 [label="start", shape=oval]\n'
        "    subgraph cluster_g4 {\n"
        '      label="main"\n'
        '      n3 [label="main", shape=oval]\n'
        '      n5 [label="get", shape=box]\n'
        '      n6 [label="use\\nif x > 1\\nfor each item in [1,2]", shape=box]\n'
        "    }\n"
        "  }\n"
        "  n2 -> n3 [style=bold]\n"
        "  n5 -> n6\n"
        "  n3 -> n5\n"
        "}\n"
    )


def test_a_barrier_is_a_junction_and_not_quadratic() -> None:
    first, second = [f"a{n}" for n in range(300)], [f"b{n}" for n in range(300)]
    graph = Graph(name="g", steps=steps(*first, *second, "last"), stages=(tuple(first), (), tuple(second), ("last",)))
    drawing = draw([workflow(graph)])
    assert len(drawing.arrows) == 1 + 300 + 600 + 301
    assert sum(line.strip().endswith('((" "))') for line in to_mermaid(drawing).splitlines()) == 2


def test_two_single_stages_need_no_junction_and_data_no_second_arrow() -> None:
    reads = Step(
        name="b",
        call=Call(name="op"),
        condition=Template(parts=("not ", Reference(to="output", step="a", name="x"))),
    )
    lines = mermaid(workflow(Graph(name="g", steps=(*steps("a"), reads), stages=(("a",), ("b",)))))
    assert lines[-3:] == ["  n2 ==> n3", "  n5 --> n6", "  n3 --> n5"]
    assert '      n6["b<br/>runs op<br/>if not #123;a.x#125;"]' in lines


def test_finalizers_come_after_all_others() -> None:
    lines = mermaid(workflow(Graph(name="g", steps=steps("a", "b", "end"), finalizers=("end",))))
    assert [line.strip() for line in lines if "-->" in line] == [
        "n5 --> n8",
        "n6 --> n8",
        "n8 --> n7",
        "n3 --> n5",
        "n3 --> n6",
    ]


def test_every_graph_is_drawn_once_even_where_it_calls_itself() -> None:
    again = Step(name="again", call=Call(name="g"), condition=Literal(value=True))
    inner = Step(name="inner", call=Call(name="h"))
    lines = mermaid(workflow(Graph(name="g", steps=(again, inner)), Graph(name="h", steps=steps("x"))))
    assert sum("subgraph" in line for line in lines) == 3
    assert [line.strip() for line in lines if "==>" in line] == ["n2 ==> n3", "n5 ==> n3", "n6 ==> n7"]


def test_outcomes_handlers_and_calls_of_others_are_labels() -> None:
    failed = Step(name="f", call=External(workflow="lib", name="t"), needs=Need(step="a", outcomes=("failed",)))
    usual = Step(name="u", call=Call(name="op"), needs=Need(step="a", outcomes=("succeeded", "skipped")))
    handler = Handler(step=Step(name="notify", call=Call(name="op")))
    loop = Loop(axes=(Axis(name="x", values=Literal(value=3)),))
    told = Step(name="a", call=Call(name="op"), handlers=(handler,), loop=loop)
    lines = mermaid(workflow(Graph(name="g", steps=(told, failed, usual)), handlers=(handler,)))
    assert [line.strip() for line in lines[2:]] == [
        'n2(["start"])',
        'n4{{"notify<br/>runs op<br/>on exit"}}',
        'subgraph g5["g"]',
        'n3(["g"])',
        'n6["a<br/>runs op<br/>for each x in 3"]',
        'n7{{"notify<br/>runs op<br/>on exit"}}',
        'n8["f<br/>runs lib/t"]',
        'n9["u<br/>runs op"]',
        "end",
        "end",
        "n2 ==> n3",
        "n6 -.-o n7",
        'n6 -->|"failed"| n8',
        "n6 --> n9",
        "n3 --> n6",
    ]


def test_a_library_shows_everything() -> None:
    lines = mermaid(workflow(Graph(name="g"), Graph(name="h"), library=True))
    assert [line.strip() for line in lines[1:]] == [
        'subgraph g1["Toy w"]',
        'n4["op"]',
        'subgraph g5["g"]',
        'n2(["g"])',
        "end",
        'subgraph g6["h"]',
        'n3(["h"])',
        "end",
        "end",
    ]


def test_two_workflows_share_one_picture() -> None:
    graph = Graph(name="g", steps=steps("a"))
    ids = re.findall(r"^ +(\w+)[(\[]", "\n".join(mermaid(workflow(graph), workflow(graph, name="v"))), re.MULTILINE)
    assert len(ids) == len(set(ids))


@given(st.text(min_size=1))
def test_no_name_can_break_out_of_its_label(name: str) -> None:
    picture = draw([workflow(Graph(name="g", steps=(Step(name=name, call=Call(name="op")),)))])
    plain = draw([workflow(Graph(name="g", steps=steps("plain")))])
    lines = to_mermaid(picture).split("\n")
    assert len(lines) == len(to_mermaid(plain).split("\n"))
    assert re.fullmatch(r' +n5\["[^"\[\]<>{}|`\\&]*(<br/>[^"\[\]<>{}|`\\&]*)?"\]', lines[5])
    label = re.search(r'n5 \[label=("(?:[^"\\]|\\.)*"), shape=box\]', to_dot(picture))
    assert label is not None
    assert "\0" not in label[1]


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs graphviz")
def test_graphviz_reads_it() -> None:
    graph = Graph(name='o"dd\\N <&>\n', steps=steps('a"\\', "b\\"))
    subprocess.run(["dot", "-Tsvg"], input=to_dot(draw([workflow(graph)])), text=True, check=True, capture_output=True)


def test_what_cannot_be_drawn_is_said(couler_command: Couler) -> None:
    Path("a.yaml").write_text(TOY)
    Path("bad.yaml").write_text("kind: Toy\nsteps: 3\n")
    done = couler_command("graph", "a.yaml", "bad.yaml", "missing.yaml")
    assert done.exit_code == 2
    assert done.stdout.startswith("flowchart TD\n")
    assert "bad.yaml:2: steps is no list" in done.stderr
    assert "missing.yaml" in done.stderr
    none = couler_command("graph", stdin="kind: Deployment\n")
    assert none.exit_code == 2
    assert "<stdin>: there is no workflow that a plugin understands" in none.stderr


def test_more_than_mermaid_draws_is_a_warning(couler_command: Couler) -> None:
    text = json.dumps({"kind": "Toy", "name": "a", "steps": [{"name": f"s{n}", "run": "x"} for n in range(600)]})
    done = couler_command("graph", stdin=text)
    assert "601 arrows: Mermaid draws more than 500 only if maxEdges is set" in done.stderr
    assert couler_command("graph", "--format", "dot", stdin=text).stderr == ""


def test_a_page(couler_command: Couler) -> None:
    done = couler_command("graph", "--format", "html", "-p", "hurry", stdin=TOY)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("<!doctype html>\n")
    assert "2 of 2 steps changed" in done.stdout
    Path("a.yaml").write_text(TOY)
    written = couler_command("graph", "--format", "html", "-p", "hurry", "a.yaml", "-o", "page.html")
    assert (written.exit_code, written.stdout) == (0, "")
    assert Path("page.html").read_text("utf-8").replace("a.yaml", "stdin.yaml") == done.stdout


def test_a_page_of_the_workflow_alone(couler_command: Couler) -> None:
    done = couler_command("graph", "--format", "html", "-p", "", stdin=TOY)
    assert "2 steps, as written" in done.stdout


def test_the_pipeline_of_a_page_is_that_of_the_settings(couler_command: Couler) -> None:
    Path("couler.toml").write_text('pipeline = "hurry{seconds=5}"\n')
    assert "<code>hurry{seconds=5}</code>" in couler_command("graph", "--format", "html", stdin=TOY).stdout


def test_a_page_shows_what_is_not_refused(couler_command: Couler) -> None:
    Path("a.yaml").write_text(TOY)
    Path("bad.yaml").write_text("kind: Toy\nsteps: 3\n")
    done = couler_command("graph", "--format", "html", "-p", "hurry", "a.yaml", "bad.yaml")
    assert done.exit_code == 2
    assert "bad.yaml:2: steps is no list" in done.stderr
    assert "<b>bad.yaml</b> was left as it is: steps is no list" in done.stdout
    nothing = couler_command("graph", "--format", "html", "-p", "hurry", "bad.yaml", "-o", "page.html")
    assert (nothing.exit_code, nothing.stdout) == (2, "")
    assert not Path("page.html").exists()


def test_no_workflow_is_no_page(couler_command: Couler) -> None:
    done = couler_command("graph", "--format", "html", "-p", "", stdin="kind: Deployment\n")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "<stdin>: there is no workflow that a plugin understands" in done.stderr


@pytest.mark.parametrize("notation", ["mermaid", "dot"])
def test_a_pipeline_is_drawn_as_it_leaves_workflows(couler_command: Couler, notation: str) -> None:
    plain = couler_command("graph", "--format", notation, stdin=TOY)
    done = couler_command("graph", "--format", notation, "-p", "hurry", stdin=TOY)
    assert (done.exit_code, done.stdout) == (0, plain.stdout)  # a timeout is in no picture
    refused = couler_command("graph", "--format", notation, "-p", "hurry", stdin="kind: Toy\nsteps: 1\n")
    assert refused.exit_code == 2
    assert "steps is no list" in refused.stderr


@pytest.mark.parametrize("into", ["graphs", "workflows"])
def test_parts_are_frames(split_command: Couler, into: str) -> None:
    """One picture of the whole: every step once, in the frame of its part, and what crosses in another colour."""
    drawn = split_command("graph", "big.json", "--format", "dot", "-p", f"split{{max-steps=3,into={into}}}").stdout
    frames = re.findall(r'subgraph cluster_\w+ \{\n\s+label="(part-\d+) \((\d+) steps?\)"\n([^{}]*)\}', drawn)
    assert len(frames) > 1
    of: dict[str, str] = {}
    for part, count, content in frames:
        boxes = re.findall(r'(n\d+) \[label="([\w-]+)\\n', content)
        assert len(boxes) == int(count)
        of |= {box: part for box, _ in boxes}
        assert {step for _, step in boxes} <= CHAINS.keys()
    assert len(of) == len(CHAINS)
    arrows = re.findall(r"(n\d+) -> (n\d+)(.*)", drawn)
    crossing = {(start, end): "#D55E00" in look for start, end, look in arrows if start in of and end in of}
    assert any(crossing.values())
    assert all((of[start] != of[end]) is told for (start, end), told in crossing.items())
    assert sum("#D55E00" in look for _, _, look in arrows) == sum(crossing.values())


def test_crossing_arrows_in_mermaid(split_command: Couler) -> None:
    pipeline = "split{max-steps=3,into=workflows}"
    lines = split_command("graph", "big.json", "-p", pipeline).stdout.splitlines()
    arrows = [line for line in lines if re.match(r"  n\d+ [-=.]+[>o]", line)]
    [style] = [line for line in lines if "linkStyle" in line]
    numbers = [int(number) for number in re.findall(r"\d+", style.split(" stroke:")[0])]
    drawn = split_command("graph", "big.json", "-p", pipeline, "--format", "dot").stdout.splitlines()
    told = [" ".join(line.split()[:3:2]) for line in drawn if "#D55E00" in line]
    assert [" ".join(arrows[number].split()[::2]) for number in numbers] == told
    assert sum("subgraph" in line and "part-" in line for line in lines) > 1


def test_a_picture_goes_into_a_file(couler_command: Couler) -> None:
    assert couler_command("graph", "-o", "a.mmd", stdin=TOY).stdout == ""
    assert Path("a.mmd").read_text("utf-8") == couler_command("graph", stdin=TOY).stdout
    assert couler_command("graph", "-o", "new/a.mmd", stdin=TOY).exit_code == 0
    assert Path("new/a.mmd").read_text("utf-8") == Path("a.mmd").read_text("utf-8")
    done = couler_command("graph", "-o", "a.mmd/a.mmd", stdin=TOY)
    assert done.exit_code == 2
    assert "a.mmd/a.mmd: it cannot be written" in done.stderr


def test_of_nothing_that_can_be_read_there_is_no_picture(couler_command: Couler) -> None:
    done = couler_command("graph", "none.yaml")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "error: none.yaml: it cannot be read: No such file or directory\n"


def test_workflows_of_several_engines_share_one_picture(couler_command: Couler, plugin_box: PluginBox) -> None:
    plugin_box.add("strict", LINTING_PLUGIN)
    Path("a.yaml").write_text(TOY)
    Path("b.yaml").write_text(TOY.replace("kind: Toy", "kind: Strict").replace("name: a", "name: b"))
    done = couler_command("graph", "a.yaml", "b.yaml", "none.yaml")
    assert done.exit_code == 2
    assert done.stderr == "error: none.yaml: it cannot be read: No such file or directory\n"
    assert '["Toy a"]' in done.stdout
    assert '["Strict b"]' in done.stdout


@pytest.mark.parametrize(
    ("name", "start"), [("p.html", "<!doctype html>"), ("p.HTM", "<!doctype html>"), ("p.gv", "digraph"), ("p.mmd", "")]
)
def test_the_suffix_says_the_format(couler_command: Couler, name: str, start: str) -> None:
    Path("a.yaml").write_text(TOY)
    assert couler_command("graph", "-p", "", "a.yaml", "-o", name).exit_code == 0
    text = Path(name).read_text("utf-8")
    assert text.startswith(start or couler_command("graph", "-p", "", "a.yaml").stdout)
    assert couler_command("graph", "-p", "", "a.yaml", "--format", "dot", "-o", name).exit_code == 0
    assert Path(name).read_text("utf-8").startswith("digraph")


@pytest.mark.parametrize("name", ["p.html", "p.mmd"])
def test_what_a_picture_lacks_is_said(couler_command: Couler, name: str) -> None:
    Path("a.yaml").write_text(TOY)
    Path("bad.yaml").write_text("a: [\n")
    done = couler_command("graph", "-p", "", "a.yaml", "bad.yaml", "-o", name)
    assert (done.exit_code, Path(name).exists()) == (2, True)
    assert done.stderr.startswith(f"{name} is written without bad.yaml\nerror: bad.yaml:")
