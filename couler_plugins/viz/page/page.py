"""One page about what optimizers made of workflows: nothing in it is fetched, and it says the same every time.

Its summary in a sentence and the data for its script are made here as well.

The middle of a page: workflow by workflow, one panel a graph.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from couler_plugins.driver.results import Result
from couler_plugins.ir import Call, Graph, Operation, Workflow, callables
from couler_plugins.viz.page.annotations import DecisionCard, Status, Story, tell
from couler_plugins.viz.page.changes import changes
from couler_plugins.viz.page.costs import Costs, cost_facts, cost_table
from couler_plugins.viz.page.facts import step_facts
from couler_plugins.viz.page.figure import Figure, swatch
from couler_plugins.viz.page.frame import DETAILS, ICONS, header, picker, sidebar
from couler_plugins.viz.page.markup import (
    Markup,
    bytes_text,
    classes,
    clean,
    counted,
    element,
    json_island,
    versioned,
)
from couler_plugins.viz.page.panels import Node, Panel, Section, page_sections, page_versions
from couler_plugins.viz.page.parts import Mark, Parts, find_parts

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
    costs = cost_table(story.costs.get(section))
    return element(
        "section", title, costs, *panels, *empty, id=section.anchor, class_="workflow", aria_label=workflow.label
    )


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


# What the script needs to know of steps and decisions, as data.


def island(sections: Sequence[Section], story: Story, parts: Parts, titles: Sequence[str]) -> dict[str, Any]:
    """The data: decisions and pieces of text by position, steps by their number; nothing that is empty."""
    return {
        "versions": [clean(title) for title in titles],
        "decisions": [_decision(told) for told in story.cards],
        "hunks": story.hunks,
        "steps": {str(number): record for section in sections for number, record in _steps(section, story, parts)},
    }


def _decision(card: DecisionCard) -> dict[str, Any]:
    decision = card.decision
    return _filled(
        optimizer=clean(card.optimizer),
        workflow=clean(decision.workflow),
        subject=clean(decision.subject),
        action=clean(decision.action),
        reason=clean("; ".join(item.advice for item in decision.objections) or decision.reason),
        figures=[
            [clean(name), f"{value:,}" if type(value) is int else clean(f"{value}")] for name, value in decision.figures
        ],
        steps=list(card.nodes) if decision.action else [],
        hunks=list(card.hunks),
    )


def _steps(section: Section, story: Story, parts: Parts) -> Iterator[tuple[int, dict[str, Any]]]:
    by_name = [callables(workflow) if workflow is not None else {} for workflow in section.versions]
    panel_of = {panel.graph: panel.number for panel in section.panels if panel.graph}
    costs = cost_facts(story.costs.get(section))
    return (
        (
            node.number,
            _step(node, by_name, panel_of, story, costs.get(node.label, [])) | _part(parts.of.get(node.number)),
        )
        for node in section.steps
    )


def _step(
    node: Node,
    by_name: Sequence[Mapping[str, Graph | Operation]],
    panel_of: Mapping[str, int],
    story: Story,
    costs: list[tuple[str, str]],
) -> dict[str, Any]:
    first, last = min(node.steps), max(node.steps)
    facts = step_facts(node.steps[last], by_name[last]) + costs
    before = step_facts(node.steps[first], by_name[first]) + costs if first != last else facts
    call = node.steps[last].call
    status = story.status[node.number]
    return {"name": clean(node.title)} | _filled(
        graph=clean(node.panel.graph),
        status="" if status == "same" else status,
        facts=facts,
        before=before if before != facts else [],
        opens=panel_of.get(call.name) if isinstance(call, Call) else None,
        decisions=list(story.decided.get(node.number, ())),
        hunks=list(story.changed_lines.get(node.number, ())),
    )


def _part(mark: Mark | None) -> dict[str, Any]:
    return {} if mark is None else {"part": clean(mark.name)}


def _filled(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None and value not in ("", [])}


# What a page says in one sentence: how much the optimizers changed.


def summary(result: Result, sections: Sequence[Section], story: Story, parts: Parts) -> str:
    """The sentence, such as `3 of 41 steps changed, 2 operations removed, −1.2 kB`."""
    before = [node for section in sections for node in section.steps if 0 in node.steps]
    total, moved = len(before), sum(1 for node in before if story.status[node.number] == "moved")
    changed = sum(1 for status in story.status.values() if status == "changed")
    said = [f"{changed:,} of {counted(total, 'step')} changed" if changed else f"{counted(total, 'step')}"]
    said += [f"{moved:,} moved into {counted(parts.count, 'part')}"] if moved else []
    for status in ("added", "removed"):
        count = sum(1 for other in story.status.values() if other == status)
        said += [f"{counted(count, 'step')} {status}"] if count else []
    for noun in ("operation", "graph"):
        old, new = (_names(sections, noun, version, apart=not moved) for version in (0, -1))
        said += [f"{counted(len(old - new), noun)} removed"] if old - new else []
        said += [f"{counted(len(new - old), noun)} added"] if new - old else []
    size = _size([result.added, *(file.text for file in result.files)])
    size -= _size(file.original for file in result.files if file.text)
    if size:
        said.append(bytes_text(size))
    elif not any(file.status == "changed" for file in result.files):
        said.append("nothing changed" if result.optimizers else "as written")
    return ", ".join(said)


def _names(sections: Iterable[Section], noun: str, version: int, *, apart: bool) -> set[tuple[int, str]]:
    """What there is by that noun; where steps have moved between workflows, no matter in which of them."""
    return {
        (number if apart else 0, item.name)
        for number, section in enumerate(sections)
        if (workflow := section.versions[version]) is not None
        for item in (workflow.operations if noun == "operation" else workflow.graphs)
    }


def _size(texts: Iterable[str | None]) -> int:
    return sum(len(text.encode()) for text in texts if text)


POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
SCRIPTS = ("view.js", "details.js", "steps.js")


def page(result: Result, costs: Callable[[Workflow | None], Costs | None] = lambda workflow: None) -> str:
    """The page of what `optimize` gave, as HTML; `costs` says what a run of a workflow as it was read costs."""
    versions = page_versions(result)
    titles = _titles(result, versions)
    sections = page_sections(result, versions)
    parts = find_parts(result, sections)
    story = tell(result, sections, len(versions) - 1, parts.moved)
    story.costs |= {section: table for section in sections if (table := costs(section.versions[0])) is not None}
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
