"""Which installed distribution a file belongs to, and what else that one needs."""

from __future__ import annotations

import functools
import importlib.metadata
import re
import sysconfig
from pathlib import Path

__all__ = ["needed_by", "owner_of"]

REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
SITE = frozenset({"site-packages", "dist-packages"})
STDLIB = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib"))


@functools.lru_cache(maxsize=4096)
def owner_of(path: Path) -> str | None:
    """The distribution that has installed a file, with its version; None where none has."""
    resolved = path.resolve()
    site = next((parent for parent in path.parents if parent.name in SITE), None)
    if site is None:
        inside = any(resolved.is_relative_to(root) for root in STDLIB)
        return "python" if inside else None
    needle = path.relative_to(site).as_posix().encode()
    top = re.sub(r"[-_.]+", "_", path.relative_to(site).parts[0].partition(".")[0]).lower()
    records = sorted(
        site.glob("*.dist-info/RECORD"), key=lambda record: (top not in record.parent.name.lower(), record)
    )
    for record in records:
        data = b"\n" + record.read_bytes()
        if b"\n" + needle + b"," in data or b'\n"' + needle + b'",' in data:
            found = importlib.metadata.PathDistribution(record.parent)
            return f"{found.name} {found.version}"
    return None


@functools.lru_cache(maxsize=256)
def needed_by(owner: str) -> tuple[str, ...]:
    """The distributions that one needs, and that those need, with their versions, as far as they are installed.

    Airflow's own need all of an installation; they are known by their versions alone.
    """
    found: dict[str, str] = {}
    waiting = [owner.partition(" ")[0]]
    while waiting:
        name = waiting.pop()
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        found[name] = f"{distribution.name} {distribution.version}"
        if name.startswith("apache-airflow"):
            continue
        for requirement in distribution.requires or ():
            needed = REQUIREMENT.match(requirement)
            if needed is not None and "extra ==" not in requirement and needed[0] not in found:
                waiting.append(needed[0])
    return tuple(sorted({*found.values()}))
