"""Prints what a Python is: its version and all that it would import beside its standard library, by content.

Called as `PYTHON installation.py`. It runs in the interpreter of a step, whatever its version, and so uses only the
standard library of Python 3.8.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.machinery
import importlib.metadata
import json
import os
import site
import sys
import sysconfig
from pathlib import Path
from urllib.parse import unquote, urlsplit

MOST = 50_000  # modules outside of packages: to read more takes longer than a step
SKIPPED = frozenset(("__pycache__", "node_modules"))
RECORDS = ("RECORD", "installed-files.txt")
START = ("sitecustomize.py", "usercustomize.py")
TICK = 1_000_000_000  # ns between the last file of a distribution and its RECORD, which is written at the end


def main() -> None:
    """Print it as JSON, the same for the same content."""
    packages = {real(path) for path in [*site.getsitepackages(), site.getusersitepackages()]}
    standard = {real(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}
    standard |= {real(f"{path}/lib-dynload") for path in standard}
    entries = [real(path) for path in sys.path[1:] if path]
    installed = list(importlib.metadata.distributions())
    distributions = sorted(map(distribution, installed))
    files = [(found, recorded(found)) for found in installed]
    sources = {*entries, *(found[-1] for found in distributions)} - packages - standard - {""}
    state = {
        "version": sys.version,
        "path": entries,
        "distributions": distributions,
        "start": [[str(path), digest(path)] for entry in entries for path in start_files(Path(entry))],
        "sources": [[path, tree(Path(path))] for path in sorted(sources)],
        "edited": sorted(each for found, rows in files for each in edited(found, rows)),
        "strays": [[str(path), tree(path)] for path in strays(packages, files)],
    }
    sys.stdout.write(json.dumps(state, sort_keys=True))


def real(path: str) -> str:
    """Return a path without links."""
    return os.path.realpath(path)


def distribution(dist: importlib.metadata.Distribution) -> list[str]:
    """Return its name, version, the digest of what was installed, and where its sources are if it is editable."""
    origin = dist.read_text("direct_url.json")
    texts = [origin, *map(dist.read_text, RECORDS)]
    if not any(texts):  # one of the system, without a list of digests
        texts = [metadata(dist)]
    content = hashlib.sha256(json.dumps(texts).encode()).hexdigest()
    place = json.loads(origin) if origin else {}
    url = urlsplit(place.get("url", ""))
    editable = url.scheme == "file" and place.get("dir_info", {}).get("editable")
    return [dist.metadata["Name"] or "", dist.version or "", content, real(unquote(url.path)) if editable else ""]


def metadata(found: importlib.metadata.Distribution) -> str:
    """Return what says its name and version; older distributions have other files for it."""
    return found.read_text("METADATA") or found.read_text("PKG-INFO") or found.read_text("") or ""


def recorded(found: importlib.metadata.Distribution) -> list[list[str]]:
    """Return its files as RECORD has them: paths, digests and sizes."""
    return list(csv.reader((found.read_text("RECORD") or "").splitlines()))


def edited(dist: importlib.metadata.Distribution, rows: list[list[str]]) -> list[list[str]]:
    """Return its files that are not as RECORD says, with what they hold.

    A file that is no newer than RECORD and of the size that it should have is not read.
    """
    base = str(dist.locate_file(""))
    record = next((path for path, *_ in rows if path.endswith(".dist-info/RECORD")), None)
    written = Path(base, record).stat().st_mtime_ns if record else 0
    changed = []
    for path, said, size in rows:
        if not said or not size:
            continue
        try:
            status = os.stat(f"{base}/{path}")  # noqa: PTH116  # there are tens of thousands of them
        except OSError:
            changed.append([f"{base}/{path}", ""])
            continue
        if status.st_size != int(size) or status.st_mtime_ns > written + TICK:
            content = hashlib.sha256(Path(base, path).read_bytes())
            if said != f"sha256={base64.urlsafe_b64encode(content.digest()).decode().rstrip('=')}":
                changed.append([f"{base}/{path}", content.hexdigest()])
    return changed


def strays(folders: set[str], files: list[tuple[importlib.metadata.Distribution, list[list[str]]]]) -> list[Path]:
    """Return what can be imported from the folders of distributions, and is of none that says what it has."""
    owned = set()
    for dist, rows in files:
        base = real(str(dist.locate_file("")))
        owned |= {f"{base}/{name}" for name in {path.partition("/")[0] for path, *_ in rows}}
    suffixes = tuple(importlib.machinery.all_suffixes())
    every = [path for folder in map(Path, sorted(folders)) if folder.is_dir() for path in sorted(folder.iterdir())]
    return [
        path
        for path in every
        if str(path) not in owned and path.name not in SKIPPED
        if path.name.endswith(suffixes) or (path.is_dir() and not path.name.endswith((".dist-info", ".egg-info")))
    ]


def start_files(folder: Path) -> list[Path]:
    """Return the files of a folder that Python runs when it starts."""
    entries = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in entries if path.suffix == ".pth" or path.name in START)


def tree(root: Path) -> str:
    """Return the digest of what can be imported from a folder or an archive."""
    if not root.is_dir():
        return digest(root) if root.is_file() else ""
    suffixes, paths = tuple(importlib.machinery.all_suffixes()), []
    for at, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SKIPPED)
        paths += [Path(at, name) for name in sorted(files) if name.endswith(suffixes)]
        if len(paths) > MOST:
            raise SystemExit(f"more than {MOST} modules in {root}")
    return hashlib.sha256(json.dumps([[str(path), digest(path)] for path in paths]).encode()).hexdigest()


def digest(path: Path) -> str:
    """Return the sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
