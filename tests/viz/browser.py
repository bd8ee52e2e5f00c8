"""Headless Chromium for tests: opens pages, and says what it complains of."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

__all__ = ["complaints", "opened"]

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


@contextmanager
def chromium() -> Iterator[Chrome]:
    """A browser; skips the test where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    from selenium.webdriver.chrome.service import Service

    if not (CHROMIUM and DRIVER):
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    # Without a sandbox, as in containers: the pages are our own.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def opened(driver: Chrome, path: Path, *, dark: bool = False, hash_: str = "") -> Chrome:
    """The browser with a page opened at 1280 by 800 pixels, and nothing complained of."""
    size = {"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
    driver.get("about:blank")  # a new fragment alone would not load the page again
    driver.get(f"{path.as_uri()}{hash_}")
    assert complaints(driver) == []
    return driver


def complaints(driver: Chrome) -> list[Any]:
    """What the console holds since the last look: errors of scripts, and what the policy has stopped."""
    entries: list[Any] = driver.get_log("browser")  # type: ignore[no-untyped-call]  # selenium leaves it out
    return entries
