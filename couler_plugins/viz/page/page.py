"""One page about what optimizers made of workflows: nothing in it is fetched, and it says the same every time."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from couler_plugins.driver.results import Result
from couler_plugins.viz.page.annotations import tell
from couler_plugins.viz.page.changes import changes
from couler_plugins.viz.page.escaping import json_island
from couler_plugins.viz.page.frame import DETAILS, ICONS, header, sidebar
from couler_plugins.viz.page.markup import Markup, element
from couler_plugins.viz.page.page_data import island
from couler_plugins.viz.page.parts import find_parts
from couler_plugins.viz.page.sections import Section, page_sections, page_versions
from couler_plugins.viz.page.summary import summary
from couler_plugins.viz.page.wording import counted
from couler_plugins.viz.page.workflows import picker, workflows

__all__ = ["page"]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
SCRIPTS = ("view.js", "details.js", "steps.js")


def page(result: Result) -> str:
    """The page of what `optimize` gave, as HTML."""
    versions = page_versions(result)
    titles = _titles(result, versions)
    sections = page_sections(result, versions)
    parts = find_parts(result, sections)
    story = tell(result, sections, len(versions) - 1, parts.moved)
    heading = _heading(sections)
    chosen = picker(sections, story, parts) if len(sections) > 1 else Markup()
    data = island(sections, story, parts, titles)
    body = element(
        "body",
        element("a", "Skip to the graphs", href="#graphs", class_="skip"),
        ICONS,
        header(heading, result, summary(result, sections, story, parts), titles),
        element(
            "div",
            sidebar(result, chosen, changes(story, result.optimizers, len(sections) > 1)),
            workflows(result, sections, story, parts),
            DETAILS,
            id="columns",
        ),
        element("p", role="status", aria_live="polite", id="said", class_="unseen"),
        element("script", Markup(json_island(data)), type="application/json", id="facts"),
        element("script", Markup("".join(map(_asset, SCRIPTS)))),
        data_version=str(len(versions) - 1),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{heading} · couler"),
        element("style", Markup(_asset("page.css") + _version_rules(len(versions)))),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _heading(sections: Sequence[Section]) -> str:
    read = [section for section in sections if section.file is not None] or sections
    labels = list(dict.fromkeys(section.workflow.label for section in read))
    return labels[0] if len(labels) == 1 else counted(len(read), "workflow")


def _titles(result: Result, versions: Sequence[int]) -> list[str]:
    if len(versions) == 1:
        return ["As written"]
    return ["Before", *(f"After {result.optimizers[number - 1]}" for number in versions[1:-1]), "After"]


def _version_rules(count: int) -> str:
    """Hides, in each version, what it does not have."""
    return "".join(f'[data-version="{number}"] .vx:not(.v{number}){{display:none}}\n' for number in range(count))


def _asset(name: str) -> str:
    return files("couler_plugins.viz.page").joinpath("assets", name).read_text("utf-8")
