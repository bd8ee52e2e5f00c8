"""The workflows of a page: which there are, in which versions, and how they are pictured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from couler_plugins.driver.results import Result, WorkflowVersions
from couler_plugins.ir import Workflow
from couler_plugins.plan import Decision
from couler_plugins.viz.page.panels import Node, Panel, workflow_panels

__all__ = ["Section", "page_sections", "page_versions"]


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """One workflow.

    Attributes:
        file: the position of its file; None for one that an optimizer made.
        document: the number of its document in that file.
        versions: the workflow in each version of the page.
        panels: its graphs.
    """

    file: int | None
    document: int | None
    versions: tuple[Workflow | None, ...]
    panels: tuple[Panel, ...]

    @property
    def workflow(self) -> Workflow:
        """The first version there is."""
        return next(workflow for workflow in self.versions if workflow is not None)

    @property
    def steps(self) -> list[Node]:
        """The nodes of its panels that are steps."""
        return [node for panel in self.panels for node in panel.steps]

    def is_about(self, decision: Decision) -> bool:
        """Whether a decision is about this workflow."""
        source = self.workflow.source
        if decision.document is not None and source is not None:
            return decision.document == source[0]
        return any(workflow is not None and workflow.label == decision.workflow for workflow in self.versions)


def page_versions(result: Result) -> list[int]:
    """The versions worth looking at: as read, and after each optimizer that changed a workflow."""
    return [0] + [
        number
        for number in range(1, len(result.optimizers) + 1)
        if any(_differs(item, number) for item in result.workflow_versions)
    ]


def _differs(item: WorkflowVersions, number: int) -> bool:
    before, after = item.versions[number - 1], item.versions[number]
    return before is not after and before != after


def page_sections(result: Result, versions: Sequence[int]) -> list[Section]:
    """The workflows of a result in some of its versions, in the order of the files."""
    panel_numbers, node_numbers = count(), count()
    ordered = sorted(
        result.workflow_versions,
        key=lambda item: (item.file is None, item.file or 0, item.document or 0),
    )
    sections = []
    for item in ordered:
        shown = tuple(item.versions[number] for number in versions)
        if any(workflow is not None for workflow in shown):
            panels = tuple(workflow_panels(shown, panel_numbers, node_numbers))
            sections.append(Section(item.file, item.document, shown, panels))
    return sections
