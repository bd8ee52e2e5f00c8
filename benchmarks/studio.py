"""How fast the studio is with a workflow of 2,000 steps: to open, and to move about in, measured in Chromium.

python -m benchmarks.studio --json studio.json

Figures (Chromium, its driver and the studio's bundle are needed; wall times):

load_seconds        from the start of the navigation until the graph is drawn, the median of several openings
frame_p95_ms        the 95th percentile of the time between two frames while the graph is dragged and zoomed
frames              how many frames that is taken from
view_seconds        the server's part: the answer to one request for the whole view, the median
edit_seconds        from an action until its view is there: the image of one step changes; the median
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from benchmarks.adapters import manifest
from benchmarks.harness import arguments, finish

LIMITS = {"load_seconds": 2.0, "frame_p95_ms": 60.0}
SIZE = (1280, 800)
DRAWN = """
  const done = arguments[0];
  const drawn = () => document.querySelector(".react-flow__node");
  const look = () => (drawn() ? done(performance.now() / 1000) : requestAnimationFrame(look));
  look();
"""
RECORD = """
  window.frameTimes = [];
  const note = (now) => { window.frameTimes.push(now); requestAnimationFrame(note); };
  requestAnimationFrame(note);
"""
SERVE = "from couler_plugins.cli import main; main()"


def main() -> None:
    options = arguments(__doc__ or "", "a folder of workflows, of which the first file is opened instead of our own")
    steps = 500 if options.quick else 2_000
    repeat = 3 if options.quick else 5
    with tempfile.TemporaryDirectory() as folder:
        path = next(iter(sorted(Path(options.traces).rglob("*.y*ml"))), None) if options.traces else None
        if path is None:
            path = Path(folder, "large.yaml")
            path.write_text(yaml.safe_dump(manifest(steps, options.seed), sort_keys=False), encoding="utf-8")
        with serving(path) as url, browser() as driver:
            loads = [load(driver, url) for _ in range(repeat)]
            frames = move(driver, seconds=3 if options.quick else 8)
            views = [timed(url, path.name, ()) for _ in range(repeat)]
            edits = [timed(url, path.name, (edit(path, number),)) for number in range(repeat)]
    figures: dict[str, Any] = {
        "steps": steps if options.traces is None else None,
        "seed": options.seed,
        "load_seconds": statistics.median(loads),
        "frame_p95_ms": statistics.quantiles(frames, n=20)[-1],
        "frames": len(frames),
        "view_seconds": statistics.median(views),
        "edit_seconds": statistics.median(edits),
    }
    finish(options, figures, {name: figures[name] for name in LIMITS}, LIMITS)


@contextmanager
def serving(path: Path) -> Iterator[str]:
    """Start the studio on a file, and yield its address with the token."""
    command = [sys.executable, "-c", SERVE, "studio", str(path), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            printed += line
            if match := re.search(r"http://\S+#token=\S+", line):
                yield match[0]
                return
        sys.exit(f"the studio does not start:\n{printed}")
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def browser() -> Iterator[Any]:
    """Start a Chromium without a window."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    size = f"--window-size={SIZE[0]},{SIZE[1]}"
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", size):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        yield driver
    finally:
        driver.quit()


def load(driver: Any, url: str) -> float:
    """Open the page, and return the seconds until the first nodes are drawn."""
    driver.get("about:blank")
    driver.get(url)
    return float(driver.execute_async_script(DRAWN))


def move(driver: Any, seconds: float) -> list[float]:
    """Drag the graph about and zoom it for some seconds; return the milliseconds between frames."""
    x, y = SIZE[0] // 2, SIZE[1] // 2
    driver.execute_script(RECORD)
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        number += 1
        mouse(driver, "mousePressed", x, y, button="left", clickCount=1)
        for step in range(1, 13):
            way = step if number % 2 else -step
            mouse(driver, "mouseMoved", x + 16 * way, y + 10 * way, button="left", buttons=1)
        mouse(driver, "mouseReleased", x, y, button="left", clickCount=1)
        for _ in range(4):
            mouse(driver, "mouseWheel", x, y, deltaX=0, deltaY=120 if number % 4 < 2 else -120)
    times = driver.execute_script("return window.frameTimes")
    return [after - before for before, after in pairwise(times)]


def mouse(driver: Any, what: str, x: int, y: int, **more: Any) -> None:
    """Do one thing with the mouse, as a person would."""
    driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": what, "x": x, "y": y, **more})


def timed(url: str, name: str, actions: tuple[dict[str, Any], ...]) -> float:
    """Return the seconds that the server takes for a view after some actions."""
    address, _, token = url.partition("/#token=")
    body = json.dumps({"path": name, "actions": actions}).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/api/view", body, headers)
    began = time.perf_counter()
    with urllib.request.urlopen(request) as answer:
        answer.read()
    return time.perf_counter() - began


def edit(path: Path, number: int) -> dict[str, Any]:
    """Return an action that gives the first step of a file another image, each time another one."""
    document = next(iter(yaml.safe_load_all(path.read_text("utf-8"))))
    graph = next(item for item in document["spec"]["templates"] if "dag" in item)
    step = graph["dag"]["tasks"][0]["name"]
    return {"do": "set", "graph": graph["name"], "step": step, "field": "image", "value": f"alpine:3.{number}"}


if __name__ == "__main__":
    main()
