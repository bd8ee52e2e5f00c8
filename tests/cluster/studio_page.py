"""Submit a workflow from the studio's page, follow it there, and print what the page shows, as JSON.

    python studio_page.py ADDRESS NAMESPACE STEP

It runs by itself, in the network of the cluster, as the studio's server does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from studio.page_driver import open_page
from viz.browser import chromium

STATES = """
  return Object.fromEntries([...document.querySelectorAll(".states li")].map((row) => [
    row.querySelector("button").textContent, row.className,
  ]));
"""
MARKS = """
  return Object.fromEntries([...document.querySelectorAll(".react-flow__node .box")].map((box) => [
    box.querySelector(".label").textContent, box.className.match(/phase-\\w+/)?.[0] ?? "",
  ]));
"""


def main(address: str, namespace: str, step: str) -> None:
    with chromium() as driver:
        page = open_page(driver, address)
        page.tab("Run")
        page.fill("#tab-panel input[placeholder='that of the context']", namespace)
        page.click("#tab-panel button[type=submit]")
        page.wait(".states li", step)
        page.until("the end of the run", "document.querySelector('p.phase-succeeded, p.phase-failed')")
        states, marks = driver.execute_script(STATES), driver.execute_script(MARKS)
        row = next(item for item in page.all(".states li") if step in item.text)
        row.find_element("css selector", "button.small").click()
        log = page.wait("section pre").text
        sys.stdout.write(json.dumps({"states": states, "marks": marks, "log": log}))


if __name__ == "__main__":
    main(*sys.argv[1:])
