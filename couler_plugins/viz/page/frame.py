"""What stands around the graphs of a page: the header with its controls, the sidebar, the place for details."""

from __future__ import annotations

from collections.abc import Sequence

from couler_plugins.driver.results import Result
from couler_plugins.viz.page.annotations import Story
from couler_plugins.viz.page.figure import swatch
from couler_plugins.viz.page.markup import Markup, counted, element, text
from couler_plugins.viz.page.panels import Section
from couler_plugins.viz.page.parts import Parts

_PATHS = {
    "if": "M5 0 10 5 5 10 0 5Z",
    "each": "M9 3.5A4.5 4.5 0 1 0 9.5 6M9.5 0V3.5H6",
    "handler": "M1 9V1H8L6.5 3.5 8 6H1",
    "opens": "M1 1H9V9H1ZM1 4H9M4 4V9",
}


_TEXTURES = ("M-2 2 2-2M0 8 8 0M6 10 10 6", "M-2 6 2 10M0 0 8 8M6-2 10 2", "M1 2H3M5 6H7")
"""Drawn over the colours of parts, where these repeat: stripes one way, stripes the other, dots."""


def _icons() -> Markup:
    symbols = [element("g", element("path", d=path), id=f"icon-{name}") for name, path in _PATHS.items()]
    textures = [
        element(
            "pattern",
            element("path", d=path),
            id=f"texture-{number}",
            class_="ink",
            width=8,
            height=8,
            patternUnits="userSpaceOnUse",
        )
        for number, path in enumerate(_TEXTURES, start=1)
    ]
    arrow = element(
        "marker",
        element("path", d="M0 0 8 4 0 8Z"),
        id="arrow",
        viewBox="0 0 8 8",
        refX=8,
        refY=4,
        markerWidth=7,
        markerHeight=7,
        orient="auto",
    )
    return element(
        "svg", element("defs", arrow, *symbols, *textures), width=1, height=1, class_="unseen", aria_hidden="true"
    )


ICONS = _icons()
"""Shapes that the pictures refer to."""

DETAILS = element("aside", id="details", aria_label="Details", tabindex=-1, hidden=True)


def header(heading: str, result: Result, summary: str, titles: Sequence[str]) -> Markup:
    """Names, the pipeline, the sentence, and the controls.

    Args:
        heading: what the page is about.
        result: what the optimizers made.
        summary: the sentence.
        titles: of the versions.
    """
    names = [file.relative for file in result.files if file.workflows]
    shown = names[0] if len(names) == 1 else f"{len(names):,} files"
    pipeline = ",".join(result.optimizers)
    ran = [" · pipeline ", element("code", pipeline)] if pipeline else [" · no optimizer ran"]
    return element(
        "header",
        element(
            "div",
            element("h1", heading),
            element("p", summary, class_="summary"),
            element("p", shown, *ran, class_="meta"),
            class_="titles",
        ),
        element("div", _versions(titles), _SEARCH, _THEME, class_="controls scripted"),
    )


def _versions(titles: Sequence[str]) -> Markup:
    if len(titles) == 1:
        return Markup()
    choices = [
        element(
            "label",
            element("input", type="radio", name="version", value=str(number), checked=number == len(titles) - 1),
            element("span", title),
        )
        for number, title in enumerate(titles)
    ]
    return element("fieldset", element("legend", "Version", class_="unseen"), *choices, class_="versions")


_SEARCH = element(
    "label",
    element("span", "Find a step by its name", class_="unseen"),
    element("input", type="search", id="search", placeholder="Find a step  ( / )", autocomplete="off"),
    element("span", id="matches", class_="count", aria_hidden="true"),
    class_="search",
)
_THEME = element("button", "Theme: auto", type="button", id="theme")


def sidebar(result: Result, picker: Markup, changes: Markup) -> Markup:
    """The list of changes, and that of workflows, where there are several."""
    nothing = "No optimizer ran." if not result.optimizers else "There is nothing to tell."
    return element(
        "nav",
        element("noscript", element("p", "Without scripts: what came of it and why, but no details.", class_="count")),
        element("h2", "Changes"),
        changes or element("p", nothing, class_="count"),
        picker,
        id="changes",
        aria_label="Changes",
        tabindex=-1,
    )


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
        items.append(element("li", element("a", *content, href=f"#{section.anchor}")))
    return text(element("h2", "Workflows"), element("ol", *items, class_="picker"))
