"""Everybody can use the page: axe finds nothing serious in it, and the keyboard alone does the whole job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("selenium")

from selenium.webdriver.common.keys import Keys

from studio.page_driver import Page, need_bundle, open_page, serve
from studio.serving import DAG
from support import ROOT
from viz.browser import chromium

pytestmark = pytest.mark.slow
AXE = ROOT / "studio" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """
  const done = arguments[0];
  axe.run(document, { resultTypes: ["violations"] }).then((found) => done(found.violations));
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    need_bundle()
    with chromium() as driver:
        yield driver


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "nightly.yaml"
    path.write_text(DAG)
    return path


def serious(page: Page) -> list[str]:
    """What axe finds that keeps people from using the page."""
    page.driver.execute_script(AXE.read_text("utf-8"))
    violations = page.driver.execute_async_script(RUN)
    return [
        f"{item['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for item in violations
        if item["impact"] in ("serious", "critical")
        for node in item["nodes"]
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious(dark: bool, file: Path, browser: Any) -> None:
    if not AXE.is_file():
        pytest.skip("needs axe-core: python3 dev.py studio")
    with serve(str(file)) as url:
        page = open_page(browser, url, dark=dark)
        assert serious(page) == [], "at first"
        page.choose("load")
        page.fill('[data-field="image"] input', "busybox:1.36")
        assert serious(page) == [], "the form"
        page.fill('[data-field="retry"] input', "many")
        page.wait(".field.is-refused .note.bad", "Refused")
        assert serious(page) == [], "a refusal"
        page.tab("Add")
        page.wait(".catalogue button")
        assert serious(page) == [], "the catalogue"
        page.click(".catalogue button", "sklearn-train")
        page.wait("#new-name")
        assert serious(page) == [], "a new step"
        page.tab("Optimize")
        for name in ("dedupe", "guard", "cache"):
            page.click(f'input[name="{name}"]')
            page.settle()
        page.click("summary", "Options of guard")
        page.wait(".options select")
        page.wait(".decisions li")
        assert serious(page) == [], "optimizers"
        page.click(".versions label", "After")
        page.wait(".box.is-changed")
        assert serious(page) == [], "after"
        page.click(".versions label", "Edit")
        for name in ("Lint", "Run"):
            page.tab(name)
            page.settle()
            assert serious(page) == [], name
        page.click("header button", "Save")
        page.wait("dialog .diff")
        assert serious(page) == [], "saving"
        page.keys(Keys.ESCAPE)
        focus = page.driver.execute_script("return document.activeElement.textContent")
        assert focus == "Save…", "a dialog gives the focus back"
        page.click("header button", "Convert")
        page.pick("dialog select", "tekton")
        page.click("dialog button.primary")
        page.wait("dialog pre.diff")
        assert serious(page) == [], "converting"
        page.keys(Keys.ESCAPE)
        file.write_text(DAG.replace("echo load", "echo other"))
        page.wait("#disk-changed")
        assert serious(page) == [], "a notice"


def test_the_whole_job_by_keyboard(file: Path, browser: Any) -> None:
    """Find a step, change its image, draw an arrow, switch an optimizer on, undo, save: no mouse."""
    with serve(str(file)) as url:
        page = open_page(browser, url)
        page.keys("/")
        page.keys("check", Keys.ENTER)
        page.wait(".form h2", "check")
        page.keys(Keys.ENTER)  # into the form
        assert focused(page) == "Image"
        page.chord(Keys.CONTROL, "a")
        page.keys("busybox:1.36", Keys.ENTER)
        page.settle()
        focus_graph(page)
        page.keys(Keys.ARROW_UP)  # along the arrow, to load
        page.wait(".form h2", "load")
        page.keys(Keys.ARROW_DOWN)
        page.keys("c")
        page.wait(".notice", "Choose the step that waits")
        other = "train" if page.wait(".form h2").text == "check" else "check"
        while page.driver.execute_script(SELECTED) != other:
            page.keys(
                Keys.ARROW_RIGHT if page.driver.execute_script(SELECTED) in ("check", "train") else Keys.ARROW_DOWN
            )
            page.settle()
            if page.driver.execute_script(SELECTED) != other:
                page.keys(Keys.ARROW_LEFT)
                page.settle()
        page.keys(Keys.ENTER)
        page.settle()
        arrows = page.driver.execute_script("return [...document.querySelectorAll('.react-flow__edge')].length")
        assert arrows == 3
        focus_graph(page)
        page.chord(Keys.CONTROL, "z")
        tab_to(page, "dedupe")
        page.keys(Keys.SPACE)
        page.settle()
        page.wait(".pipeline", "dedupe")
        page.chord(Keys.CONTROL, "s")
        page.wait("dialog .diff")
        tab_to(page, "Save", within="dialog")
        page.keys(Keys.ENTER)
        page.until("saving", '!document.querySelector("dialog")')
        page.settle()
    assert "image: busybox:1.36" in file.read_text()


SELECTED = "return document.querySelector('.box.is-selected .label')?.textContent.replace(/^[^a-z]+/, '')"
FOCUSED = """
  const element = document.activeElement;
  const label = element.labels?.[0]?.querySelector("b") ?? element.labels?.[0];
  return element.name || label?.textContent || element.getAttribute("aria-label") || element.textContent;
"""


def focused(page: Page) -> str:
    """The name of what has the focus."""
    return str(page.driver.execute_script(FOCUSED)).strip()


def focus_graph(page: Page) -> None:
    """Tab until the graph has the focus."""
    for _ in range(200):
        if page.driver.execute_script("return document.activeElement.classList.contains('canvas')"):
            return
        page.chord(Keys.SHIFT, Keys.TAB)
    raise AssertionError("the keyboard does not reach the graph")


def tab_to(page: Page, name: str, within: str = "") -> None:
    """Tab until something of this name has the focus; tabs are opened on the way where it is behind one."""
    if not within:
        for _ in range(200):
            if focused(page).startswith("Optimize"):
                break
            is_tab = page.driver.execute_script("return document.activeElement.getAttribute('role') === 'tab'")
            page.keys(Keys.ARROW_RIGHT if is_tab else Keys.TAB)
    for _ in range(200):
        if focused(page) == name:
            return
        page.keys(Keys.TAB)
    raise AssertionError(f"the keyboard does not reach {name!r}")
