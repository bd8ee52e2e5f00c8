"""What the page of a workflow of 2,000 steps costs: to make, and to open in Chromium.

python -m benchmarks.page --json page.json

Figures (Chromium and its driver are needed; wall seconds, medians; optimizing is `dedupe,cache`):

page_load_seconds       from the start of the navigation to the end of the load event
page_paint_seconds      to the first paint with content
page_bytes              of the page
page_over_optimize      CPU seconds of drawing the page, over those of optimizing the workflow
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.adapters import manifest
from benchmarks.harness import arguments, finish, seconds
from couler_plugins.api import Source, optimize
from couler_plugins.viz.page import page

LIMITS = {"page_load_seconds": 4.0, "page_over_optimize": 2.0}
TIMES = """
  const done = arguments[0];
  new PerformanceObserver((list) => {
    const [paint] = list.getEntriesByName("first-contentful-paint");
    const [entry] = performance.getEntriesByType("navigation");
    if (paint) done([entry.loadEventEnd / 1000, paint.startTime / 1000]);
  }).observe({ type: "paint", buffered: true });
"""


def main() -> None:
    options = arguments(__doc__ or "", "a folder of workflows to draw, instead of our own")
    steps = 500 if options.quick else 2_000
    source: Source = options.traces or _declared(manifest(steps, options.seed))
    result = optimize(source, "dedupe,cache{via=memoize}")
    html = page(result)
    repeat = 2 if options.quick else 5
    figures: dict[str, Any] = {"steps": steps if options.traces is None else None, "seed": options.seed}
    figures["page_bytes"] = len(html.encode())
    optimizing = seconds(lambda: optimize(source, "dedupe,cache{via=memoize}"), repeat)
    figures["page_over_optimize"] = seconds(lambda: page(result), repeat) / optimizing
    loads, paints = zip(*opened(html, repeat), strict=True)
    figures["page_load_seconds"] = statistics.median(loads)
    figures["page_paint_seconds"] = statistics.median(paints)
    finish(options, figures, {name: figures[name] for name in LIMITS}, LIMITS)


def _declared(workflow: dict[str, Any]) -> dict[str, Any]:
    annotations = {"couler.io/cache": "pure", "couler.io/max-output-bytes": "64"}
    return {**workflow, "metadata": {"generateName": "large-", "annotations": annotations}}


def opened(html: str, times: int) -> list[tuple[float, float]]:
    """Seconds to the end of the load event and to the first paint, for each of several openings."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "page.html")
            path.write_text(html, encoding="utf-8")
            found = []
            for _ in range(times):
                driver.get("about:blank")
                driver.get(path.as_uri())
                load, paint = driver.execute_async_script(TIMES)  # type: ignore[no-untyped-call]  # selenium leaves it out
                found.append((load, paint))
            return found
    finally:
        driver.quit()


if __name__ == "__main__":
    main()
