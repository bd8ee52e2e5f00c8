"""Pages for tests, and what is on them."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

from couler_plugins import Result
from couler_plugins.driver.session import optimize_inputs, session
from couler_plugins.hookspecs import Optimizer
from couler_plugins.inputs.sources import Source, read_source
from couler_plugins.options.config import Config
from couler_plugins.plugins import Plugins
from couler_plugins.viz.page import page

__all__ = ["Element", "data_of", "make_page", "parse", "result_of"]

VOID = {"meta", "input"}


class Element:
    """One element of a page: its name, attributes, and what is inside."""

    def __init__(self, name: str, attributes: dict[str, str | None]) -> None:
        self.name = name
        self.attributes = attributes
        self.content: list[Element | str] = []

    def walk(self) -> list[Element]:
        """This element and all inside of it."""
        children = [item for item in self.content if isinstance(item, Element)]
        return [self, *(inner for child in children for inner in child.walk())]

    def all(self, name: str = "", class_: str = "") -> list[Element]:
        """The elements inside of that name, with that class."""
        return [
            item
            for item in self.walk()
            if name in ("", item.name) and (not class_ or class_ in (item.attributes.get("class") or "").split())
        ]

    @property
    def text(self) -> str:
        """Its text, piece by piece."""
        return " ".join(item if isinstance(item, str) else item.text for item in self.content)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.stack = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(attrs) == len(dict(attrs)), "an attribute is there twice"
        element = Element(tag, dict(attrs))
        self.stack[-1].content.append(element)
        if tag not in VOID:
            self.stack.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop().name == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        self.stack[-1].content.append(data)


def parse(html: str) -> Element:
    """The page as a tree; every element has to be closed in its place."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    assert len(parser.stack) == 1, f"<{parser.stack[-1].name}> is not closed"
    return parser.stack[0]


def result_of(source: Source, pipeline: str | list[Optimizer], plugins: Plugins | None = None) -> Result:
    """What optimizing gives; nothing may be refused unless the test looks at that."""
    config = Config()
    return optimize_inputs(read_source(source, config.max_bytes), pipeline, session(config, plugins))


def make_page(source: Source, pipeline: str | list[Optimizer] = "", plugins: Plugins | None = None) -> str:
    """The page of a source."""
    return page(result_of(source, pipeline, plugins))


def data_of(tree: Element) -> dict[str, Any]:
    """What the page's script reads."""
    [island] = [item for item in tree.all("script") if item.attributes.get("type") == "application/json"]
    data: dict[str, Any] = json.loads(island.text)
    return data
