"""What to type so that an optional dependency is there."""

from __future__ import annotations

import json
import re
import shlex
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

__all__ = ["install_hint"]

NAME = "couler-plugins"


def install_hint(extra: str) -> str:
    """Return the command that installs what an extra of couler-plugins needs, from where couler-plugins came.

    No index is assumed to have couler-plugins: a folder, a wheel or a repository is named by its place, and where none
    is known, the packages of the extra are named themselves.

    Args:
        extra: its name in `pyproject.toml`.
    """
    try:
        installed = distribution(NAME)
    except PackageNotFoundError:
        source = Path(__file__).parent.parent  # a clone that only PYTHONPATH names
        arguments = [f"{source}[{extra}]"] if (source / "pyproject.toml").is_file() else []
    else:
        arguments = _from_origin(installed, extra) or _packages(installed, extra)
    return f"pip install {shlex.join(arguments)}" if arguments else f"install the packages of its extra {extra!r}"


def _from_origin(installed: Distribution, extra: str) -> list[str]:
    """What pip is given to install an extra from the origin of a distribution (PEP 610); nothing if it is unknown."""
    from urllib.request import url2pathname  # imports all of HTTP and TLS

    try:
        origin: dict[str, Any] = json.loads(installed.read_text("direct_url.json") or "{}")
        url, vcs = str(origin["url"]), origin.get("vcs_info")
        if vcs is not None:
            revision = vcs.get("requested_revision") or vcs["commit_id"]
            folder = f"#subdirectory={origin['subdirectory']}" if "subdirectory" in origin else ""
            return [f"{NAME}[{extra}] @ {vcs['vcs']}+{url}@{revision}{folder}"]
        if urlsplit(url).scheme != "file":
            return [f"{NAME}[{extra}] @ {url}"]
        path = url2pathname(urlsplit(url).path)
        editable = ["-e"] if origin.get("dir_info", {}).get("editable") else []
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
    return [*editable, f"{path}[{extra}]"] if path and Path(path).exists() else []


def _packages(installed: Distribution, extra: str) -> list[str]:
    """The requirements of an extra, by name."""
    packages: list[str] = []
    for line in installed.requires or ():
        requirement, _, marker = line.partition(";")
        if re.search(rf"""extra == ['"]{re.escape(extra)}['"]""", marker):
            packages.append(requirement.strip())
    return packages
