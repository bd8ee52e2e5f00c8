"""Writes what came out as a page for people."""

import html
import json

from couler_plugins.steps.scripts.files import kept, scratch
from couler_plugins.steps.scripts.running import run

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body {margin}</style></head>
<body><h1>{title}</h1>
{notes}<table>
{rows}
</table></body></html>
"""


def main(title: str, notes: str, values: dict[str, object], store: str) -> dict[str, object]:
    """An HTML page with a title, notes in paragraphs, and a table of values."""
    rows = [
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(shown(value))}</td></tr>" for name, value in values.items()
    ]
    page = PAGE.format(
        title=html.escape(title),
        margin="{ margin: 2rem; font-family: sans-serif }",
        notes="".join(f"<p>{html.escape(part)}</p>\n" for part in notes.split("\n\n") if part.strip()),
        rows="\n".join(rows),
    )
    file = scratch("report.html")
    file.write_text(page, encoding="utf-8")
    return {"report": kept(file, store)}


def shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    run(main)
