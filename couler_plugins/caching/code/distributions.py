"""Which installed distribution a file belongs to, what tells one state of it from another, and what else it needs."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import os
import re
import sysconfig
from pathlib import Path

from couler_plugins.caching.code.installation import edited, metadata, recorded

REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
SITE = frozenset({"site-packages", "dist-packages"})
STDLIB = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib"))
FROZEN = ("<frozen ", "<__array_function__ ")
"""How the names of files begin that stand for code inside of Python, or that numpy makes for its own functions."""
NAMED = tuple(re.compile(rf"^{field}: *(\S+)", re.MULTILINE) for field in ("Name", "Version"))
"""What its metadata begins with; Python parses it as a message, which takes a millisecond each time."""

STATE = ("RECORD", "direct_url.json")
"""What says which files a distribution has, each by its digest, and where it came from: the same version may be built
again with other code in it."""

COMPILED = re.compile(r"^[^,]+\.(?:so|pyd|dylib)(?:\.[^,]*)?,", re.MULTILINE)
OBSERVED = frozenset(
    {
        *("aiohttp", "annotated-types", "bcrypt", "cffi", "charset-normalizer", "cryptography", "cython", "frozenlist"),
        *(
            "greenlet",
            "httptools",
            "joblib",
            "jiter",
            "libcst",
            "lz4",
            "markupsafe",
            "matplotlib",
            "msgpack",
            "msgspec",
        ),
        *("multidict", "numpy", "orjson", "pandas", "pendulum", "pillow", "propcache", "pydantic-core", "pyyaml"),
        *("pyzstd", "regex", "rpds-py", "ruamel-yaml-clib", "rustworkx", "scikit-learn", "scipy", "simplejson"),
        *("contourpy", "fonttools", "google-crc32c", "kiwisolver", "lazy-object-proxy", "mmh3", "protobuf", "wcwidth"),
        *("sqlalchemy", "statsmodels", "tiktoken", "tornado", "ujson", "wrapt", "xxhash", "yarl", "zstandard"),
    }
)
"""Distributions with compiled code that opens no file and no connection without Python's own functions."""


@functools.lru_cache(maxsize=4096)
def owner_of(path: Path) -> str | None:
    """Return the distribution that has installed a file, with its version; None where none has."""
    if str(path).startswith(FROZEN):
        return "python"
    resolved = path.resolve()
    site = next((parent for parent in path.parents if parent.name in SITE), None)
    if site is None:
        return "python" if any(resolved.is_relative_to(root) for root in STDLIB) else None
    inside = path.relative_to(site)
    needle = inside.as_posix().encode()
    # A file in a/b/c is most likely of the distribution a, a-b or a-b-c.
    parts = [re.sub(r"[-_.]+", "_", part.partition(".")[0]).lower() for part in inside.parts]
    for folder in sorted(_folders(site), key=lambda name: (-sum(part in name.lower() for part in parts), name)):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            data = b"\n" + (site / folder / "RECORD").read_bytes()
            if b"\n" + needle + b"," in data or b'\n"' + needle + b'",' in data:
                return _named(importlib.metadata.PathDistribution(site / folder))
    return None


@functools.lru_cache(maxsize=16)
def _folders(site: Path) -> list[str]:
    return [name for name in os.listdir(site) if name.endswith(".dist-info")]  # noqa: PTH208  # no Path for each


@functools.lru_cache(maxsize=256)
def needed_by(owner: str) -> tuple[str, ...]:
    """Return the distributions that one needs, and that those need, each with its state, as far as they are installed.

    Airflow's own need all of an installation; they are known by themselves alone.
    """
    if owner.startswith("apache-airflow"):
        return (owner,)
    distributions: dict[str, str] = {}
    waiting = [owner.partition(" ")[0]]
    while waiting:
        name = waiting.pop()
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        distributions[name] = _named(distribution)
        if name.startswith("apache-airflow"):
            continue
        for requirement in distribution.requires or ():
            needed = REQUIREMENT.match(requirement)
            if needed is not None and "extra ==" not in requirement and needed[0] not in distributions:
                waiting.append(needed[0])
    return tuple(sorted({*distributions.values()}))


def is_seen(owner: str | None) -> bool:
    """Tell whether an observer sees all that the compiled code of Python or of a distribution reads."""
    name = (owner or "").partition(" ")[0]
    return name == "python" or re.sub(r"[-_.]+", "-", name).lower() in OBSERVED


@functools.lru_cache(maxsize=256)
def unobserved_by(owner: str) -> str:
    """Return the distribution whose compiled code may read files unseen, among one and those that it needs.

    An observer sees what goes through Python. It is empty where all is known to.
    """
    names = (named.partition(" ")[0] for named in (owner, *needed_by(owner)))
    return next(filter(_is_unseen, names), "")


@functools.lru_cache(maxsize=256)
def optionally_unobserved_by(owner: str) -> str:
    """Return such a distribution that another one uses where it is installed; empty where there is none."""
    name = owner.partition(" ")[0]
    if is_seen(owner) or name.startswith("apache-airflow"):
        return ""
    requirements = importlib.metadata.distribution(name).requires or ()
    needed = (REQUIREMENT.match(requirement) for requirement in requirements if "extra ==" in requirement)
    return next((found[0] for found in needed if found is not None and _is_unseen(found[0])), "")


def _is_unseen(name: str) -> bool:
    """Tell whether a distribution is installed, and has compiled code that may read files unseen."""
    if is_seen(name):
        return False
    try:
        distribution = _met.get(name) or importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return COMPILED.search(distribution.read_text("RECORD") or "") is not None


def _named(distribution: importlib.metadata.Distribution) -> str:
    """Name a distribution with what was installed, and what has been edited since."""
    text = metadata(distribution)
    said = [found[1] if (found := field.search(text)) else "" for field in NAMED]
    place = str(distribution.locate_file("")), *said
    _met[said[0]] = distribution
    if place not in _names:
        state = hashlib.sha256()
        for name in STATE:
            state.update(f"{name} {distribution.read_text(name) or ''}".encode("utf-8", "surrogatepass"))
        for changed in sorted(edited(distribution, recorded(distribution))):
            state.update(repr(changed).encode("utf-8", "surrogatepass"))
        _names[place] = " ".join([*place[1:], state.hexdigest()[:16]])
    return _names[place]


_met: dict[str, importlib.metadata.Distribution] = {}
"""Distributions by their names: to look for one takes ten milliseconds."""

_names: dict[tuple[str, ...], str] = {}
