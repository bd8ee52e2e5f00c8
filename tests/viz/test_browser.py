"""The page in Chromium: what a person clicks, types, hears and sees."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from couler_plugins.inputs.sources import Text
from couler_plugins.viz.page import page
from pluginbox import PluginBox
from support import ROOT
from viz.browser import chromium, complaints, opened
from viz.pagebox import make_page, result_of

pytestmark = pytest.mark.sampled

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

CHURN = ROOT / "couler_plugins" / "demo" / "churn.yaml"
TEXTS = (
    "h1", ".summary", ".meta", "#changes h2", ".pass b", ".pass small", ".count", ".swatch", "figcaption h3",
    ".tools button", "#search", "#theme", ".versions span", ".step text", ".step .what", ".changed text",
    ".changed .what", "#details h2", "#details dt", "#details dd", ".badge", ".diff .gone", ".diff .come",
    ".diff .place",
)  # fmt: skip
"""Where text stands."""

CONTRAST = """
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (color) => {
    const [r, g, b] = rgb(color).map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    const box = element.closest(".step")?.querySelector("rect");
    if (box) return getComputedStyle(box).fill;
    const color = getComputedStyle(element).backgroundColor;
    return rgb(color)[3] === 255 ? color : ground(element.parentElement);
  };
  return arguments[0].map((selector) => {
    const element = document.querySelector(selector);
    const style = getComputedStyle(element);
    const [a, b] = [light(element.closest("svg") ? style.fill : style.color), light(ground(element))];
    return [selector, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
  });
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module")
def churn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("page"), make_page(CHURN, "dedupe,prune"))


def written(folder: Path, html: str) -> Path:
    path = folder / "page.html"
    path.write_bytes(html.encode())
    return path


def css(driver: Chrome, selector: str) -> Any:
    return driver.find_element("css selector", selector)


def press(driver: Chrome, *keys: str) -> None:
    for key in keys:
        driver.switch_to.active_element.send_keys(key)


def focused(driver: Chrome) -> str:
    return str(driver.switch_to.active_element.get_attribute("aria-label") or "").split(",", maxsplit=1)[0]


def seen(driver: Chrome, selector: str) -> bool:
    """Whether an element lies inside of what is seen of the page and of the graph that it belongs to."""
    script = """
      const box = document.querySelector(arguments[0]).getBoundingClientRect();
      const views = [document.querySelector(arguments[0]).closest(".view"), document.getElementById("graphs")];
      return views.map((view) => view.getBoundingClientRect()).every((place) =>
        box.top >= place.top && box.bottom <= place.bottom && box.left >= place.left && box.right <= place.right);
    """
    return bool(driver.execute_script(script, selector))


def shown(driver: Chrome, selector: str) -> list[str]:
    return [item.text for item in driver.find_elements("css selector", selector) if item.is_displayed()]


def test_an_edited_step_is_two_clicks_away(browser: Chrome, churn: Path) -> None:
    opened(browser, churn)
    assert not css(browser, "#details").is_displayed()
    css(browser, "[data-decision='0']").click()
    assert seen(browser, ".step.chosen")
    assert css(browser, "#details h2").text == "billing-features"
    assert "merge into usage-features" in css(browser, "#details").text
    css(browser, "#details .others button").click()
    assert css(browser, "#details h2").text == "billing"
    assert "template: usage-features" in css(browser, "#details .diff .come").text
    facts = css(browser, "#details dl")
    assert (facts.find_element("css selector", "del").text, facts.find_element("css selector", "ins").text) == (
        "billing-features",
        "usage-features",
    )
    assert complaints(browser) == []


def test_clicking_a_step_opens_it(browser: Chrome, churn: Path) -> None:
    opened(browser, churn)
    css(browser, ".step.changed").click()
    assert css(browser, "#details h2").text == "billing"
    assert "billing, changed" in browser.execute_script("return document.getElementById('said').textContent")
    css(browser, "#details header button").click()
    assert not css(browser, "#details").is_displayed()
    assert focused(browser) == "billing"


def test_the_keyboard_alone(browser: Chrome, churn: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    opened(browser, churn)
    press(browser, "/")
    assert browser.switch_to.active_element.get_attribute("id") == "search"
    press(browser, "t", "r", "a", "i", "n", Keys.ENTER)
    assert css(browser, "#details h2").text == "train"
    assert css(browser, "#matches").text == "1 found"
    press(browser, Keys.ESCAPE)
    assert css(browser, "#search").get_attribute("value") == ""
    browser.execute_script("document.querySelector('.step').focus()")
    press(browser, Keys.ESCAPE)
    assert not css(browser, "#details").is_displayed()

    browser.execute_script("document.querySelector('.step[tabindex=\"0\"]').focus()")
    walked = []
    for key in (Keys.HOME, Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP, Keys.ARROW_UP, Keys.END):
        press(browser, key)
        walked.append(focused(browser))
    assert walked == ["usage", "billing", "join", "train", "join", "usage", "publish"]
    assert len(browser.find_elements("css selector", "figure:first-of-type .step[tabindex='0']")) == 1

    press(browser, Keys.ARROW_UP, Keys.ENTER)
    assert css(browser, "#details h2").text == "choose"
    press(browser, Keys.ENTER)
    assert browser.switch_to.active_element.get_attribute("id") == "details"
    press(browser, Keys.ESCAPE)
    assert not css(browser, "#details").is_displayed()
    assert focused(browser) == "choose"


def test_tab_meets_controls_changes_and_graphs_in_this_order(browser: Chrome, churn: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    opened(browser, churn)
    browser.execute_script("document.body.focus()")
    met = []
    for _ in range(12):
        press(browser, Keys.TAB)
        item = browser.switch_to.active_element
        met.append(item.get_attribute("id") or item.get_attribute("class") or item.get_attribute("name") or item.text)
        outline = item.value_of_css_property("outline-style")
        if "step" in met[-1].split() or met[-1].startswith("s"):
            continue  # a step shows its focus by the stroke of its box
        assert outline != "none" or item.get_attribute("name") == "version"
    assert met[:4] == ["skip", "version", "search", "theme"]
    assert [item.split("\n")[0] for item in met[4:6]] == ["billing-features", "csv-export"]


def test_focus_is_seen_on_a_step(browser: Chrome, churn: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    opened(browser, churn)
    browser.execute_script("document.querySelector('.step').focus()")
    press(browser, Keys.ARROW_DOWN)
    rect = browser.switch_to.active_element.find_element("css selector", "rect")
    assert rect.value_of_css_property("stroke-width") == "2.5px"


def test_before_and_after(browser: Chrome, churn: Path) -> None:
    opened(browser, churn)
    assert shown(browser, ".changed .what") == ["usage-features"]
    place = css(browser, ".step.changed").rect
    css(browser, "[value='0'] + span").click()
    assert shown(browser, ".changed .what") == ["billing-features"]
    assert css(browser, ".step.changed").rect == place
    css(browser, "[value='1'] + span").click()
    assert shown(browser, ".changed .what") == ["usage-features"]


@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read(browser: Chrome, churn: Path, dark: bool) -> None:
    opened(browser, churn, dark=dark)
    css(browser, ".step.changed").click()
    figures = browser.execute_script(CONTRAST, list(TEXTS))
    assert len(figures) == len(TEXTS)
    assert [(selector, round(ratio, 1)) for selector, ratio in figures if ratio < 4.5] == []
    ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground))) < 200) is dark


@pytest.mark.parametrize("dark", [False, True])
def test_costs_unfold_and_can_be_read(browser: Chrome, tmp_path: Path, dark: bool) -> None:
    rows = [("a run", "5.3–11.7 → 2.9–6.1"), ("main/train", "8 → 4")]
    costs = ("10th to 90th percentile of 3 past runs", ("step", "core-hours"), rows, ("1 of 3 steps has no history",))
    opened(browser, written(tmp_path, page(result_of(CHURN, "dedupe,prune"), lambda workflow: costs)), dark=dark)
    assert shown(browser, ".cost td") == []
    css(browser, ".cost summary").click()
    assert shown(browser, ".cost td") == ["5.3–11.7 → 2.9–6.1", "8 → 4"]
    texts = (".cost summary", ".cost th", ".cost td", ".cost p")
    assert [(name, ratio) for name, ratio in browser.execute_script(CONTRAST, texts) if ratio < 4.5] == []
    assert complaints(browser) == []


def test_the_theme_can_be_chosen(browser: Chrome, churn: Path) -> None:
    opened(browser, churn)
    grounds = []
    for _ in range(3):
        css(browser, "#theme").click()
        grounds.append(css(browser, "body").value_of_css_property("background-color"))
    assert grounds[0] == grounds[2] != grounds[1]
    assert css(browser, "#theme").text == "Theme: auto"


def test_zoom_and_fit(browser: Chrome, churn: Path) -> None:
    opened(browser, churn)

    def width() -> int:
        return int(css(browser, ".view svg").get_attribute("width"))

    first = width()
    css(browser, "[data-zoom='in']").click()
    assert width() > first
    css(browser, "[data-zoom='out']").click()
    css(browser, "[data-zoom='out']").click()
    assert width() < first
    css(browser, "[data-zoom='fit']").click()
    assert width() == first


def test_a_link_opens_a_step(browser: Chrome, churn: Path) -> None:
    opened(browser, churn, hash_="#s3")
    assert css(browser, "#details h2").text == "join"


def test_a_call_leads_to_its_graph(browser: Chrome, tmp_path: Path) -> None:
    text = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: nested}
spec:
  entrypoint: outer
  templates:
  - name: outer
    steps:
    - - {name: a, template: inner}
      - {name: b, template: work}
    - - {name: c, template: work}
  - name: inner
    dag: {tasks: [{name: x, template: work}]}
  - {name: work, container: {image: i}}
"""
    opened(browser, written(tmp_path, make_page(Text(text, "n.yaml"))))
    from selenium.webdriver.common.keys import Keys

    browser.execute_script("document.querySelector('.step').focus()")
    press(browser, Keys.ARROW_DOWN)
    assert focused(browser) == "c"  # through the barrier
    press(browser, Keys.ARROW_UP, Keys.ENTER)
    link = css(browser, "#details a")
    assert link.get_attribute("href").endswith("#g1")
    link.click()
    assert css(browser, "#g1 h3").text == "inner"


def test_hostile_names_run_nothing(browser: Chrome, tmp_path: Path, plugin_box: PluginBox) -> None:
    plugin_box.add_toy()
    evil = "</script><img src=x onerror='window.hit=1'>\u2028${alert(1)}"
    steps = [{"name": f"{evil}{n}", "run": evil, "when": evil} for n in range(3)]
    source = Text(json.dumps({"kind": "Toy", "name": evil, "steps": steps}), "evil.json")
    opened(browser, written(tmp_path, make_page(source, "hurry", plugin_box.load())))
    css(browser, "[data-decision]").click()
    css(browser, ".step").click()
    press(browser, "/")
    press(browser, "i", "m", "g")
    assert css(browser, "#matches").text == "3 found"
    assert browser.execute_script("return window.hit") is None
    assert browser.find_elements("css selector", "img") == []
    assert complaints(browser) == []


def test_without_scripts_the_picture_and_the_changes_are_seen(browser: Chrome, churn: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        opened(browser, churn)
        assert len(shown(browser, ".pass li")) == 2
        assert shown(browser, ".changed .what") == ["usage-features"]
        assert css(browser, "noscript p").is_displayed()
        assert not css(browser, ".controls").is_displayed()
        assert not css(browser, ".tools").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_on_paper_all_is_seen_and_nothing_to_click(browser: Chrome, churn: Path) -> None:
    opened(browser, churn, dark=True)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert not css(browser, ".controls").is_displayed()
        assert len(shown(browser, ".pass li")) == 2
        assert css(browser, ".view").value_of_css_property("max-height") == "none"
        assert css(browser, "#graphs").value_of_css_property("overflow") == "visible"
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.slow
def test_two_thousand_steps(browser: Chrome, tmp_path: Path) -> None:
    """They open, and can be searched; how fast is no matter of this test, but a hang would end it."""
    tasks = "".join(
        f"      - {{name: step-{n}, template: work-{n % 2}, depends: '{' && '.join(needs(n))}'}}\n" for n in range(2000)
    )
    work = "".join(f"  - {{name: work-{n}, container: {{image: same}}}}\n" for n in range(2))
    head = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: big}\nspec:\n  entrypoint: main\n"
    text = f"{head}  templates:\n{work}  - name: main\n    dag:\n      tasks:\n{tasks}"
    html = make_page(Text(text, "big.yaml"), "dedupe")
    assert len(html) < 3_000_000
    browser.set_page_load_timeout(60)
    opened(browser, written(tmp_path, html))
    assert "1,000 of 2,000 steps changed" in css(browser, ".summary").text
    css(browser, "[data-next]").click()
    assert css(browser, "#details h2").text == "step-1"
    assert seen(browser, ".step.chosen")
    css(browser, "#search").send_keys("step-1999\n")
    assert css(browser, "#details h2").text == "step-1999"
    assert seen(browser, ".step.chosen")
    took = browser.execute_script("return performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert took < 60_000


def needs(number: int) -> list[str]:
    """Chains of four below a fan, in sixteen blocks that follow each other."""
    block, place = divmod(number, 125)
    if place == 0:
        return [f"step-{125 * (block - 1) + 124}"] if block else []
    if place == 124:
        return [f"step-{125 * block + last}" for last in range(93, 124)]
    return [f"step-{125 * block + (place - 31 if place > 31 else 0)}"]
