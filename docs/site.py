"""What mkdocs does beside its own: links to files of the repository that are no pages.

With `COULER_REPOSITORY`, an address to which a path can be added, such links lead there; else the path stands beside
their text.
"""

from __future__ import annotations

import os
import posixpath
import re
from typing import Any

LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(((?:\.\./)+[^)#\s]+)(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Return the text of a page, with links that lead out of the documentation."""
    folder = posixpath.dirname(f"docs/{page.file.src_uri}")

    def outside(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, link[2]))
        if path.startswith("docs/"):
            return link[0]
        if address := os.environ.get("COULER_REPOSITORY"):
            return f"[{link[1]}]({address.rstrip('/')}/{path})"
        return link[1] if path in link[1] else f"{link[1]} (`{path}`)"

    return LINK.sub(outside, markdown)
