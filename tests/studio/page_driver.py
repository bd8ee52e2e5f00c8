"""The studio's page in headless Chromium: a real server, and what a person does with mouse and keyboard."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from couler_plugins.studio.app import BUNDLE
from support import ROOT
from viz.browser import chromium, complaints

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

__all__ = ["Page", "open_page", "serve", "studio_page"]

PROGRAM = "from couler_plugins.cli.group import couler; couler()"
PATIENCE = 20.0


@contextmanager
def serve(*arguments: str) -> Iterator[str]:
    """Start `couler studio`, and yield its address with the token."""
    command = [sys.executable, "-c", PROGRAM, "studio", "--port", "0", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            printed += line
            if match := re.search(r"http://\S+#token=\S+", line):
                yield match[0]
                return
        raise AssertionError(f"the studio does not start:\n{printed}")
    finally:
        process.terminate()
        process.communicate(timeout=10)


def need_bundle() -> None:
    """Skip the test where the page is not built."""
    if not (BUNDLE / "index.html").is_file():
        pytest.skip("needs the studio's page: python3 dev.py studio")


@contextmanager
def studio_page(*arguments: str, dark: bool = False) -> Iterator[Page]:
    """Start the studio, and open its page in a browser of its own."""
    need_bundle()
    with chromium() as driver, serve(*arguments) as url:
        yield open_page(driver, url, dark=dark)


def open_page(driver: Chrome, url: str, *, dark: bool = False) -> Page:
    """Open the page at 1400 by 900 pixels, with all that it asks of the network recorded."""
    size = {"width": 1400, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
    driver.get("about:blank")
    complaints(driver)  # of a page before, whose server has ended
    driver.get(url)
    page = Page(driver)
    page.wait(".react-flow__node")
    return page


class Page:
    """What a person can do."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def all(self, selector: str, text: str = "") -> list[WebElement]:
        """Return the elements that a selector names, those with a text only."""
        found = self.driver.find_elements("css selector", selector)
        return [item for item in found if text in (item.text or "")] if text else found

    def wait(self, selector: str, text: str = "") -> WebElement:
        """Wait until there is such an element, and return it."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if found := [item for item in self.all(selector, text) if item.is_displayed()]:
                    return found[0]
            except Exception as error:
                if type(error).__name__ != "StaleElementReferenceException":
                    raise
            time.sleep(0.05)
        raise AssertionError(f"there is no {selector} {text!r}: {self.notices()}")

    def until(self, what: str, script: str) -> None:
        """Wait until a script says true."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self.driver.execute_script(f"return Boolean({script})"):
                return
            time.sleep(0.05)
        raise AssertionError(f"{what} did not happen: {self.notices()}")

    def click(self, selector: str, text: str = "") -> None:
        """Click an element."""
        self.wait(selector, text)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                self.wait(selector, text).click()
                return
            except Exception as error:
                if time.monotonic() > end or (
                    "Stale" not in type(error).__name__ and "Intercepted" not in type(error).__name__
                ):
                    raise
                time.sleep(0.05)

    def tab(self, name: str) -> None:
        """Open one of the tabs to the right."""
        self.click("[role=tab]", name)

    def node(self, id_: str) -> str:
        """Return the selector of a node."""
        return f".react-flow__node[data-id={json.dumps(id_)}]"

    def choose(self, id_: str) -> None:
        """Choose a node, as the search does: it may be anywhere in the graph."""
        label = id_.rsplit("/", 1)[-1]
        box = self.wait("header input[type=search]")
        box.clear()
        box.send_keys(label)
        self.wait(".found button", label)
        for item in self.all(".found button"):
            if item.text.split(" ")[0].split("\n")[0] == label:
                item.click()
                break
        self.wait(".form h2", label)

    def fill(self, selector: str, value: str) -> None:
        """Write a text into a field, and leave it."""
        from selenium.webdriver.common.keys import Keys

        field = self.wait(selector)
        field.click()
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(Keys.DELETE)
        field.send_keys(value)
        field.send_keys(Keys.TAB)
        self.settle()

    def pick(self, selector: str, value: str) -> None:
        """Choose an option of a select."""
        from selenium.webdriver.support.ui import Select

        Select(self.wait(selector)).select_by_visible_text(value)
        self.settle()

    def settle(self) -> None:
        """Wait until the server has answered."""
        time.sleep(0.1)
        self.until("an answer", 'document.querySelector("main")?.getAttribute("aria-busy") !== "true"')

    def keys(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def chord(self, *keys: str) -> None:
        """Press keys together."""
        from selenium.webdriver import ActionChains

        chain = ActionChains(self.driver)
        for key in keys[:-1]:
            chain = chain.key_down(key)
        chain = chain.send_keys(keys[-1])
        for key in keys[:-1]:
            chain = chain.key_up(key)
        chain.perform()
        self.settle()

    def notices(self) -> list[str]:
        """Return what the page says in its notices."""
        return [item.text for item in self.all(".notice, [role=alert]")]

    def complaints(self) -> list[Any]:
        """Return what the console holds: errors of scripts, and what the policy has stopped."""
        return [item for item in complaints(self.driver) if "status of 4" not in item["message"]]

    def hosts(self) -> set[str]:
        """Return the hosts that the page has asked for something."""
        names: list[str] = self.driver.execute_script(
            "return performance.getEntriesByType('resource').map((e) => e.name)"
        )
        return {name.split("/")[2] for name in names if not name.startswith(("data:", "blob:"))}

    def save(self) -> None:
        """Save by the dialog."""
        self.click("header button.primary")
        self.click("dialog button.primary")
        self.until("saving", '!document.querySelector("dialog")')
        self.settle()


def copied(path: Path, folder: Path) -> Path:
    """Return a copy of a file."""
    target = folder / path.name
    target.write_bytes(path.read_bytes())
    return target
