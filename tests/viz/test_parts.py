"""A workflow that was split: its steps bear the colours of their parts, before and after."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli.splitting import CHAINS, write_workflow
from couler_plugins.inputs.sources import Text
from couler_plugins.viz.page.parts import HUES, TEXTURES, Mark
from support import first_of
from viz.browser import chromium, opened
from viz.pagebox import Element, data_of, make_page, parse

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

WORKFLOWS, GRAPHS = "split{max-steps=3,into=workflows}", "split{max-steps=3,into=graphs}"
LUMINANCES = """
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const light = (color) => {
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return [...document.querySelectorAll(".step.part")].map((step) => {
    const look = (selector) => getComputedStyle(step.querySelector(selector)).fill;
    return [[...step.classList].find((name) => /^q/.test(name)), look("rect"), light(look("rect")),
      light(look("text")), light(look(".what"))];
  });
"""


def big(tmp_path: Path, pipeline: str, tasks: dict[str, list[str]] = CHAINS) -> str:
    path = write_workflow(tmp_path / "big.json", tasks)
    return make_page(Text(path.read_text(), "big.json"), pipeline)


def panels(tree: Element) -> list[tuple[str, Element]]:
    return [(item.all("h3")[0].text, item) for item in tree.all("figure")]


def look(step: Element) -> str:
    """The class that says which part a step is in."""
    found = re.findall(r"\bq\d+\b", step.attributes["class"] or "")
    return found[0] if found else ""


def name(step: Element) -> str:
    return str(step.all("text")[0].text)


def test_steps_look_the_same_before_and_after(tmp_path: Path) -> None:
    tree = parse(big(tmp_path, WORKFLOWS))
    whole, starting = (item for title, item in panels(tree) if title == "main")
    assert whole.attributes["class"] == "panel vx v0"  # a picture of its own: the parts' is not spread over it
    assert starting.attributes["class"] == "panel vx v1"
    before = {name(step): look(step) for step in whole.all("g", "step")}
    assert before.keys() == CHAINS.keys()
    starts = {name(step): look(step) for step in starting.all("g", "step")}
    assert len(starts) > 1
    after = {title: item for title, item in panels(tree) if title in starts}
    assert after.keys() == starts.keys()
    for part, panel in after.items():
        assert {look(step) for step in panel.all("g", "step")} == {starts[part]}
        assert {look(step) for step in panel.all("g", "look")} == {starts[part]}
        assert {before[name(step)] for step in panel.all("g", "step")} == {starts[part]}
    steps = [name(step) for panel in after.values() for step in panel.all("g", "step")]
    assert sorted(steps) == sorted(CHAINS)


def test_steps_have_moved_and_are_neither_removed_nor_added(tmp_path: Path) -> None:
    tree = parse(big(tmp_path, WORKFLOWS))
    [said] = [item.text for item in tree.all("p", "summary")]
    assert re.match(r"6 steps, 6 moved into \d parts, ", said)
    assert "removed" not in said
    assert not tree.all("g", "removed")
    assert tree.all("h1")[0].text == "big"
    steps = data_of(tree)["steps"].values()
    assert all(step["part"].startswith("part-") for step in steps if step["name"] in CHAINS)
    assert all(step["status"] == "moved" for step in steps if step["name"] in CHAINS)


def test_a_step_says_its_part_where_the_picture_has_several(tmp_path: Path) -> None:
    tree = parse(big(tmp_path, WORKFLOWS))
    [whole, *_] = (item for title, item in panels(tree) if title == "main")
    tags = {name(step): step.all("text", "tag")[0].text for step in whole.all("g", "step")}
    assert len(set(tags.values())) > 1
    assert all(f"in {tags[name(step)]}" in (step.attributes["aria-label"] or "") for step in whole.all("g", "step"))
    for title, item in panels(tree):
        if title in tags.values():
            assert not item.all("text", "tag")


def test_what_crosses_is_told_apart(tmp_path: Path) -> None:
    tree = parse(big(tmp_path, WORKFLOWS))
    [whole, *_] = (item for title, item in panels(tree) if title == "main")
    looks = {step.attributes["id"]: look(step) for step in whole.all("g", "step")}
    for line in whole.all("g", "lines")[0].all("path"):
        start, end = (line.attributes["data-edge"] or "").split()
        crosses = looks[f"s{start}"] != looks[f"s{end}"]
        assert ("crossing" in (line.attributes["class"] or "").split()) is crosses
    assert whole.all("path", "crossing")
    assert tree.all("li", "crossing")


def test_parts_that_are_graphs(tmp_path: Path) -> None:
    tree = parse(big(tmp_path, GRAPHS))
    parts = [item for title, item in panels(tree) if title.startswith("part-")]
    assert len(parts) > 1
    assert all({look(step) for step in item.all("g", "step")} != {""} for item in parts)
    assert next(item.text for item in tree.all("p", "summary")).startswith("6 steps, 6 moved into")


@pytest.mark.slow
def test_many_parts_repeat_colours_with_a_texture(tmp_path: Path) -> None:
    tree = parse(big(tmp_path, "split{max-steps=30,into=graphs}", {f"t{number}": [] for number in range(880)}))
    [whole, *_] = (item for title, item in panels(tree) if title == "main")
    seen = {
        step.all("text", "tag")[0].text: (look(step), tuple(item.attributes["class"] for item in step.all("rect")[1:]))
        for step in whole.all("g", "step")
    }
    assert len(seen) > 2 * HUES
    assert len(set(seen.values())) == len(seen)
    keys = [item.text for item in tree.all("li", "key")]
    assert len(keys) == 25
    assert re.fullmatch(r"and \d+ more parts", keys[-1])
    patterns = {item.attributes["id"] for item in tree.all("pattern")}
    assert patterns == {f"texture-{number}" for number in range(1, TEXTURES)}


def test_looks_follow_from_the_place() -> None:
    looks = [(mark.style, mark.texture) for mark in (Mark("p", place) for place in range(HUES * TEXTURES))]
    assert len(set(looks)) == len(looks)
    assert (Mark("p", 0).style, Mark("p", 0).texture) == (Mark("p", HUES * TEXTURES).style, 0)


def test_without_a_split_there_is_nothing_of_parts(tmp_path: Path) -> None:
    tree = parse(big(tmp_path, ""))
    assert not tree.all("li", "key")
    assert not tree.all("g", "part")


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with chromium() as driver:
        yield driver


@pytest.mark.slow
@pytest.mark.parametrize("dark", first_of([False, True]))
def test_colours_differ_and_text_can_be_read(browser: Chrome, tmp_path: Path, dark: bool) -> None:
    html = big(tmp_path, "split{max-steps=30,into=graphs}", {f"t{number}": [] for number in range(600)})
    (tmp_path / "page.html").write_text(html, "utf-8")
    opened(browser, tmp_path / "page.html", dark=dark)
    found = browser.execute_script(LUMINANCES)
    fills = {look: fill for look, fill, *_ in found}
    assert len(fills) == len(set(fills.values())) == HUES
    for _, _, ground, *texts in found:
        for text in texts:
            assert (max(text, ground) + 0.05) / (min(text, ground) + 0.05) >= 4.5
    light = {look: ground for look, _, ground, *_ in found}
    for number in range(HUES):  # neighbours differ in lightness, which everybody sees
        one, other = light[f"q{number}"] + 0.05, light[f"q{(number + 1) % HUES}"] + 0.05
        assert max(one, other) / min(one, other) > 1.03
