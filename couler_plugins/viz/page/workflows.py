"""The middle of a page: workflow by workflow, one panel a graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from couler_plugins.driver.results import Result
from couler_plugins.ir import callables
from couler_plugins.viz.page.annotations import Status, Story
from couler_plugins.viz.page.figure import Figure, swatch
from couler_plugins.viz.page.markup import Markup, classes, counted, element, text, versioned
from couler_plugins.viz.page.panels import Panel, Section
from couler_plugins.viz.page.parts import Mark, Parts

STATUSES: tuple[Status, ...] = ("changed", "added", "removed")
LISTED = 24
"""Parts that the legend names; each step says its own."""
ZOOMS = (("out", "−", "Smaller"), ("in", "+", "Larger"), ("fit", "Fit", "Show the whole graph"))


def workflows(result: Result, sections: Sequence[Section], story: Story, parts: Parts) -> Markup:
    """All workflows, with a legend of what occurs in them, and what could not be drawn."""
    refused = [
        element("p", element("b", file.relative), f" was left as it is: {file.error.message}", class_="refused")
        for file in result.files
        if file.error is not None
    ]
    drawn = (_workflow(section, result, story, parts, len(sections) > 1) for section in sections)
    return element("main", _legend(sections, story, parts), *refused, *drawn, id="graphs", tabindex=-1)


def _legend(sections: Sequence[Section], story: Story, parts: Parts) -> Markup:
    kinds = {line.kind for section in sections for panel in section.panels for line in panel.lines.values()}
    junctions = any(len(panel.steps) < len(panel.nodes) for section in sections for panel in section.panels)
    present = set(story.status.values())
    entries = [element("li", status, class_=f"swatch {status}") for status in STATUSES if status in present]
    entries += [element("li", "waits for", class_="swatch order")] if "order" in kinds else []
    entries += [element("li", "reads from", class_="swatch data")] if "data" in kinds else []
    entries += [element("li", "all above end first", class_="swatch barrier")] if junctions else []
    entries += [element("li", "crosses between parts", class_="swatch crossing")] if parts.crossing else []
    entries += [element("li", swatch(mark), mark.name, class_="key") for mark in parts.marks[:LISTED]]
    more = len(parts.marks) - LISTED
    entries += [element("li", f"and {more:,} more part{'s' if more > 1 else ''}", class_="key")] if more > 0 else []
    keys = element("p", "/ finds, arrows walk, Enter opens, Escape closes", class_="keys scripted")
    return element("div", *([element("ul", *entries, aria_label="Legend")] if entries else []), keys, class_="legend")


def _workflow(section: Section, result: Result, story: Story, parts: Parts, several: bool) -> Markup:
    by_name = [callables(workflow) if workflow is not None else {} for workflow in section.versions]
    panel_of = {panel.graph: panel.number for panel in section.panels if panel.graph}
    workflow = section.workflow
    panels = []
    for panel in section.panels:
        figure = Figure(panel, by_name, story.status, panel_of, parts)
        name = panel.graph or ("Outside of the graphs" if panel_of else workflow.label)
        panels.append(_panel(panel, name, figure, story, parts.panels.get(panel.number), len(section.versions)))
    where = result.files[section.file].relative if section.file is not None else "new"
    title = element("h2", workflow.label, element("small", f"{workflow.kind} · {where}")) if several else Markup()
    empty = () if panels else (element("p", "Nothing in it runs by itself.", class_="refused"),)
    return element("section", title, *panels, *empty, id=_anchor(section), class_="workflow", aria_label=workflow.label)


def _panel(  # all that stands around a picture
    panel: Panel, name: str, figure: Figure, story: Story, mark: Mark | None, versions: int
) -> Markup:
    counts = Counter(story.status[node.number] for node in panel.steps)
    texts = [
        counted(len(panel.steps), "step"),
        *(f"{counts[status]:,} {status}" for status in (*STATUSES, "moved") if counts[status]),
    ]
    tools = [
        element("button", sign, type="button", data_zoom=zoom, title=hint, aria_label=f"{hint}: {name}")
        for zoom, sign, hint in ZOOMS
    ]
    if len(panel.steps) > counts["same"] + counts["moved"]:
        tools.insert(
            0, element("button", "Next change", type="button", data_next=True, aria_label=f"Next change: {name}")
        )
    return element(
        "figure",
        element(
            "figcaption",
            *([swatch(mark)] if mark else []),
            element("h3", name),
            element("span", ", ".join(texts), class_="count"),
            element("span", *tools, class_="tools scripted"),
        ),
        element("div", element("div", figure.svg(f"Graph {name}: {', '.join(texts)}"), class_="view"), class_="frame"),
        id=f"g{panel.number}",
        class_=classes("panel", versioned(panel.shown, versions)),
    )


def _anchor(section: Section) -> str:
    return f"w{section.panels[0].number}" if section.panels else ""


def picker(sections: Sequence[Section], story: Story, parts: Parts) -> Markup:
    """Links to the workflows, where there are several."""
    items = []
    for section in sections:
        steps = section.steps
        changed = sum(1 for node in steps if story.status[node.number] not in ("same", "moved"))
        count = f"{changed:,} of {len(steps):,} changed" if changed else counted(len(steps), "step")
        mark = next((parts.panels[panel.number] for panel in section.panels if panel.number in parts.panels), None)
        own = [swatch(mark)] if mark is not None and section.file is None else []
        content = (*own, section.workflow.label, element("span", count, class_="count"))
        items.append(element("li", element("a", *content, href=f"#{_anchor(section)}")))
    return text(element("h2", "Workflows"), element("ol", *items, class_="picker"))
