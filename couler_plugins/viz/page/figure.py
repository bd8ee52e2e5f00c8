"""A panel as SVG: every version of the graph in one picture, so that a step keeps its place when versions change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from math import ceil

from couler_plugins.ir import Call, Graph, Operation, Step
from couler_plugins.viz.diagrams.labels import describe, describe_call, describe_loop
from couler_plugins.viz.page.facts import image_name
from couler_plugins.viz.page.layout import lay_out
from couler_plugins.viz.page.markup import Markup, classes, counted, element, versioned
from couler_plugins.viz.page.panels import Node, Panel
from couler_plugins.viz.page.parts import Mark, Parts, of_several

HEIGHT = 46
JUNCTION = (64, 6)
PADDING = 12
ICON = 16
CHARACTER = 7.3
"""The width of a letter of a name; they are set in a fixed width, so that Python can tell what fits."""
SMALL = 6.1
NARROWEST, WIDEST = 136, 236
TAG = 10
"""The longest name of a part that is written into a step, in letters."""

ByName = Mapping[str, Graph | Operation]


class Figure:
    """The picture of a panel.

    Args:
        panel: what to draw.
        by_name: the callables of each version's workflow.
        status: what became of each step, by its number.
        panel_of: the number of the panel of a graph, by its name.
        parts: of the workflows that were split.
    """

    def __init__(
        self,
        panel: Panel,
        by_name: Sequence[ByName],
        status: Mapping[int, str],
        panel_of: Mapping[str, int],
        parts: Parts,
    ) -> None:
        self._parts, self._named = parts, of_several(parts, panel.steps)
        self._by_name, self._status, self._panel_of = by_name, status, panel_of
        self._nodes = list(panel.nodes.values())
        self._width = self._box_width()
        index = {node.number: position for position, node in enumerate(self._nodes)}
        self._lines = [(pair, line) for pair, line in panel.lines.items() if pair[0] != pair[1]]
        sizes = [(self._width, HEIGHT) if node.steps else JUNCTION for node in self._nodes]
        self._layout = lay_out(sizes, [(index[start], index[end]) for (start, end), _ in self._lines])

    def _box_width(self) -> int:
        """A width in which nearly all texts fit."""
        widths = [
            max(
                len(node.title) * CHARACTER + ICON * len(self._icons(step)),
                len(node.role or describe_call(step.call)) * SMALL,
            )
            for node in self._nodes
            for step in node.steps.values()
        ]
        usual = sorted(widths)[int((len(widths) - 1) * 0.95)] if widths else 0
        return max(NARROWEST, min(WIDEST, ceil(usual) + 1 + 2 * PADDING))

    def svg(self, title: str) -> Markup:
        """The picture, with every step as a button."""
        width, height = self._layout.size
        lines = element("g", *self._edges(), class_="lines", aria_hidden="true")
        box = f"0 0 {width} {height}"
        return element(
            "svg", lines, *self._boxes(), width=width, height=height, viewBox=box, role="group", aria_label=title
        )

    def _edges(self) -> Iterator[Markup]:
        for number, ((start, end), line) in enumerate(self._lines):
            hidden = versioned(line.shown, len(self._by_name))
            path, long = self._layout.paths[number], "long" if self._layout.long[number] else ""
            crossing = "crossing" if (start, end) in self._parts.crossing else ""
            yield element("path", class_=classes(line.kind, long, crossing, hidden), data_edge=f"{start} {end}", d=path)
            if line.label:
                x, y = self._layout.labels[number]
                yield element("text", line.label, class_=classes("outcome", hidden), x=x, y=y)

    def _boxes(self) -> Iterator[Markup]:
        focusable = True
        for row in self._layout.rows:
            for position in row:
                node, place = self._nodes[position], self._layout.places[position]
                if node.steps:
                    yield self._step(node, place, focusable)
                    focusable = False
                else:
                    yield self._junction(node, place)

    def _junction(self, node: Node, place: tuple[int, int]) -> Markup:
        names = classes("junction", versioned(node.shown, len(self._by_name)))
        (x, y), (width, height) = place, JUNCTION
        return element("rect", class_=names, id=f"s{node.number}", x=x, y=y, width=width, height=height, rx=3)

    def _step(self, node: Node, place: tuple[int, int], focusable: bool) -> Markup:
        status = self._status[node.number].replace("same", "")
        last = node.steps[max(node.steps)]
        icons = self._icons(last)
        name = _fitted(node.title, int((self._width - 2 * PADDING - ICON * len(icons)) / CHARACTER))
        mark = self._parts.of.get(node.number)
        within = f"in {mark.name}" if mark and self._named else ""
        said = [node.title, node.role, f"runs {describe_call(last.call)}", _when(last), within, status]
        return element(
            "g",
            *([element("title", node.title)] if name != node.title else ()),
            *([self._box(class_="pile", x=4, y=4)] if last.loop else ()),
            self._box(),
            *([self._box(class_=f"texture t{mark.texture}")] if mark and mark.texture else ()),
            element("text", name, x=PADDING, y=20),
            *self._second_lines(node),
            *(
                [element("text", self._tag(node), class_="what tag", x=self._width - PADDING, y=36)]
                if self._tag(node)
                else ()
            ),
            *(self._icon(icon, self._width - PADDING - 10 - ICON * place) for place, icon in enumerate(icons)),
            class_=classes("step", status, mark.style if mark else "", versioned(node.steps, len(self._by_name))),
            id=f"s{node.number}",
            transform=f"translate({place[0]} {place[1]})",
            role="button",
            tabindex=0 if focusable else -1,
            aria_label=", ".join(filter(None, said)),
        )

    def _box(self, **attributes: str | int) -> Markup:
        return element("rect", **attributes, width=self._width, height=HEIGHT, rx=6)

    def _second_lines(self, node: Node) -> Iterator[Markup]:
        """What the step runs; in as many variants as the versions have."""
        tag = self._tag(node)
        room = int((self._width - 2 * PADDING) / SMALL) - (len(tag) + 2 if tag else 0)

        def line(version: int) -> str:
            return _cut(self._second_line(node, version), room)

        for what, versions in groupby(sorted(node.steps), line):
            shown = list(versions)
            hidden = "" if len(shown) == len(node.steps) else versioned(shown, len(self._by_name))
            yield element("text", what, class_=classes("what", hidden), x=PADDING, y=36)

    def _tag(self, node: Node) -> str:
        """The part that a step is in, where the picture has several."""
        mark = self._parts.of.get(node.number)
        return _fitted(mark.name, TAG) if mark is not None and self._named and mark.name != node.title else ""

    def _second_line(self, node: Node, version: int) -> str:
        step = node.steps[version]
        called = describe_call(step.call)
        if node.role or called != node.title:
            return node.role or called
        callee = self._by_name[version].get(called) if isinstance(step.call, Call) else None
        inside = counted(len(callee.steps), "step") if isinstance(callee, Graph) else ""
        return _when(step) or inside or image_name(step, self._by_name[version])

    def _icons(self, step: Step) -> list[str]:
        panel = self._panel_of.get(step.call.name) if isinstance(step.call, Call) else None
        icons = {
            f"g{panel}": panel is not None,
            "handler": step.handlers,
            "each": step.loop,
            "if": step.condition,
        }
        return [icon for icon, there in icons.items() if there]

    def _icon(self, icon: str, x: int) -> Markup:
        if icon in ("handler", "each", "if"):
            return element("use", href=f"#icon-{icon}", x=x, y=9)
        use = element("use", href="#icon-opens", x=x, y=9)
        # For the mouse alone: a button holds no links; the details have one for everybody.
        return element("a", use, href=f"#{icon}", tabindex=-1, aria_hidden="true")


def swatch(mark: Mark) -> Markup:
    """A small square that looks like the steps of a part."""
    size = {"width": 16, "height": 12, "rx": 3}
    texture = [element("rect", class_=f"texture t{mark.texture}", **size)] if mark.texture else []
    look = element("g", element("rect", **size), *texture, class_=f"look {mark.style}")
    return element("svg", look, class_="dab", width=16, height=12, aria_hidden="true")


def _when(step: Step) -> str:
    when = f"if {describe(step.condition)}" if step.condition is not None else ""
    each = f"for each {describe_loop(step.loop)}" if step.loop is not None else ""
    return ", ".join(filter(None, [when, each]))


def _fitted(words: str, room: int) -> str:
    """The text with its middle left out where it is too long: names differ at both ends."""
    line = " ".join(words.split())
    if len(line) <= room:
        return line
    end = min(8, room // 3)
    return f"{line[: max(room - end - 1, 0)]}…{line[-end:] if end else ''}"


def _cut(words: str, room: int) -> str:
    line = " ".join(words.split())
    return line if len(line) <= room else f"{line[: room - 1]}…"
