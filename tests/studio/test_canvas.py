"""The graph of the studio's page in Chromium: arrows are drawn with the mouse, steps dropped, large graphs drawn."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("starlette", reason="needs the extra `studio`")

from benchmarks.adapters import manifest
from studio.page_driver import Page, need_bundle, open_page, serve
from viz.browser import chromium

pytestmark = pytest.mark.slow
PASSING = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName: passing-
spec:
  entrypoint: main
  templates:
    - name: main
      dag:
        tasks:
          - {name: count, template: count}
          - name: report   # told last
            template: report
            arguments:
              parameters:
                - {name: title, value: rows}
                - {name: rows, value: "0"}
          - {name: clean, template: clean}
    - name: count
      outputs:
        parameters:
          - {name: total, valueFrom: {path: /tmp/total}}
      container: {image: alpine:3.20, command: [sh, -c, "echo 3 > /tmp/total"]}
    - name: report
      inputs:
        parameters: [{name: title}, {name: rows}]
      container: {image: alpine:3.20, command: [echo, "{{inputs.parameters.title}}", "{{inputs.parameters.rows}}"]}
    - name: clean
      container: {image: alpine:3.20, command: ["true"]}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    need_bundle()
    with chromium() as driver:
        yield driver


def drag(page: Page, handle: str, source: str, target: str) -> None:
    """Drag from a handle of one node onto another node."""
    from selenium.webdriver import ActionChains

    page.click(page.node(source))
    start, end = page.wait(f"{page.node(source)} {handle}"), page.wait(page.node(target))
    ActionChains(page.driver).click_and_hold(start).move_by_offset(6, 6).move_to_element(end).release().perform()
    page.settle()


def test_arrows_are_drawn_and_removed_with_the_mouse(tmp_path: Path, browser: Any) -> None:
    """Dragging from a step draws an order, from an output passes data; a click on an arrow and Delete removes it."""
    from selenium.webdriver.common.keys import Keys

    file = tmp_path / "passing.yaml"
    file.write_text(PASSING)
    with serve(str(file)) as url:
        page = open_page(browser, url)
        drag(page, ".react-flow__handle.output", "count", "report")
        page.click(".menu button", "rows")
        page.wait(".react-flow__edge.data")
        drag(page, ".react-flow__handle:not(.output)", "count", "clean")
        drag(page, ".react-flow__handle:not(.output)", "report", "clean")
        page.until("three arrows", 'document.querySelectorAll(".react-flow__edge").length === 3')
        page.driver.execute_script(
            "const edge = document.querySelector('.react-flow__edge[data-id=\"count→clean\"] path');"
            "edge.dispatchEvent(new MouseEvent('click', {bubbles: true})); document.querySelector('.canvas').focus()"
        )
        page.wait(".hint", "Delete removes this arrow")
        page.keys(Keys.DELETE)
        page.until("two arrows", 'document.querySelectorAll(".react-flow__edge").length === 2')
        page.settle()
        page.save()
        assert page.complaints() == []
    diff = list(unified_diff(PASSING.splitlines(), file.read_text("utf-8").splitlines(), lineterm="", n=0))
    changed = [line for line in diff[2:] if not line.startswith("@@")]
    assert [line for line in changed if line.startswith("-")] == [
        '-                - {name: rows, value: "0"}',
        "-          - {name: clean, template: clean}",
    ]
    assert any("{{tasks.count.outputs.parameters.total}}" in line for line in changed if line.startswith("+"))
    assert yaml.safe_load(file.read_text("utf-8"))["spec"]["templates"][0]["dag"]["tasks"][2]["depends"] == "report"


DROP = """
    const [source, target] = arguments, data = new DataTransfer(), box = target.getBoundingClientRect();
    const at = {bubbles: true, cancelable: true, dataTransfer: data, clientX: box.x + 9, clientY: box.y + 9};
    source.dispatchEvent(new DragEvent("dragstart", at));
    if (target.dispatchEvent(new DragEvent("dragover", at))) throw new Error("it cannot be dropped");
    target.dispatchEvent(new DragEvent("drop", at));
"""


def test_a_ready_made_step_is_dropped_on_the_one_it_waits_for(tmp_path: Path, browser: Any) -> None:
    file = tmp_path / "passing.yaml"
    file.write_text(PASSING)
    with serve(str(file)) as url:
        page = open_page(browser, url)
        page.tab("Add")
        page.fill('input[aria-label="Find a ready-made step"]', "threshold")
        entry = page.wait(".catalogue button", "threshold-gate")
        page.driver.execute_script(DROP, entry, page.wait(page.node("clean")))
        page.wait(".form .waits", "clean")
        page.fill('[data-name="value"] input', "0.9")
        page.fill('[data-name="threshold"] input', "0.5")
        page.click("button[type=submit]", "Add the step")
        page.wait(page.node("threshold-gate"))
        page.until("an arrow", "document.querySelector('.react-flow__edge[data-id=\"clean→threshold-gate\"]')")
        assert page.complaints() == []


def test_a_large_graph_is_drawn_as_a_bitmap(tmp_path: Path, browser: Any) -> None:
    """Only boxes near to what is in sight are elements; the search and the arrow keys reach all; far away, none is."""
    file = tmp_path / "large.yaml"
    file.write_text(yaml.safe_dump(manifest(600, 0), sort_keys=False))
    with serve(str(file), "--read-only") as url:
        page = open_page(browser, url)
        assert 0 < len(page.all(".react-flow__node")) < 300
        assert not page.all(".react-flow__edge")
        pixels = "(() => {const c = document.querySelector('.layer'), p = c.getContext('2d');"
        pixels += " return p.getImageData(0, 0, c.width, c.height).data.filter((v) => v).length})()"
        page.until("arrows", f"{pixels} > 1000")
        page.choose("t599")
        page.wait(f"{page.node('t599')} .is-selected")
        page.driver.execute_script("document.querySelector('.canvas').focus()")
        page.keys(*["-"] * 8)
        page.until("boxes in the bitmap", '!document.querySelector(".react-flow__node")')
        page.keys(*["+"] * 12)
        page.wait(f"{page.node('t599')} .is-selected")
        assert page.complaints() == []
