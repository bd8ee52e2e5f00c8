"""What the artifact cache costs over what it is made of: an indexed read, and hashing and copying a file.

python -m benchmarks.cache_store --json cache_store.json

Figures (a cache in a local folder with its SQLite index):

lookup_ratio          CPU seconds of a look-up (key to metadata, no lease) over those of reading a text of that length
                      by its key from a table of a SQLite file, each key once, in random order
put_ratio             wall seconds of putting an object of 1 GiB (256 MiB with --quick) over those of hashing it with
                      SHA-256 and copying it, both to the disk (fsync), one after the other; the median of alternating
                      pairs
put_ratio_cached      the same, but the copy is left in the page cache: what durability costs is in this one
lookups_per_second    in one process
puts_per_second       of results of 4 kB, in one process, durable
gets_per_second       of those, with a lease, read and verified
put_mb_per_second, get_mb_per_second    of the large object, in 10^6 bytes
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness import arguments, finish, seconds
from couler_plugins.caching.artifacts import ArtifactCache, Meta, Stored, open_cache

LIMITS = {"lookup_ratio": 20.0, "put_ratio": 1.3}
CHUNK = 1 << 20


def main() -> None:
    options = arguments(__doc__ or "")
    entries, repeat = (1_000, 3) if options.quick else (5_000, 5)
    size = (256 << 20) if options.quick else (1 << 30)
    figures: dict[str, Any] = {"entries": entries, "object_bytes": size, "seed": options.seed}
    with tempfile.TemporaryDirectory(prefix="couler-bench-") as name:
        folder = Path(name)
        with open_cache(folder / "small") as cache:
            figures |= small(cache, folder, entries, random.Random(options.seed), repeat)
        figures |= large(folder, size, random.Random(options.seed), repeat)
    finish(options, figures, {name: figures[name] for name in LIMITS}, LIMITS)


def small(cache: ArtifactCache, folder: Path, entries: int, draw: random.Random, repeat: int) -> dict[str, float]:
    """Many small results."""
    keys = [f"v1:{draw.randbytes(32).hex()}" for _ in range(entries)]
    meta = Meta(family="churn", step="train", type="train", spec="v1:0", run="r-1", seconds=12.5, made_by="benchmark")
    start = time.perf_counter()
    for key in keys:
        must_store(cache, key, {"out": draw.randbytes(4_000)}, meta)
    puts = time.perf_counter() - start
    texts = {entry.key: repr(entry) for entry in cache.entries()}
    bare = bare_table(folder / "bare.sqlite", texts)
    draw.shuffle(keys)
    looking = seconds(lambda: [cache.lookup(key) for key in keys], repeat)
    reading = seconds(
        lambda: [bare.execute("SELECT text FROM bare WHERE key = ?", (key,)).fetchone() for key in keys], repeat
    )
    gets = wall(lambda: [get(cache, key, "out") for key in keys])
    bare.close()
    return {
        "lookup_ratio": looking / reading,
        "lookups_per_second": entries / looking,
        "puts_per_second": entries / puts,
        "gets_per_second": entries / gets,
    }


def bare_table(path: Path, texts: dict[str, str]) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE bare (key TEXT PRIMARY KEY, text TEXT)")
    connection.executemany("INSERT INTO bare VALUES (?, ?)", texts.items())
    connection.commit()
    return connection


def large(folder: Path, size: int, draw: random.Random, repeat: int) -> dict[str, float]:
    """One large object, put and beside it hashed and copied, in turns."""
    source = folder / "object"
    with source.open("wb") as file:
        for _ in range(size // CHUNK):
            file.write(draw.randbytes(CHUNK))
    durable, cached, puts, gets = [], [], [], []
    for number in range(repeat):
        os.sync()  # nobody pays for what others wrote
        with open_cache(folder / f"large-{number}") as cache:
            puts.append(wall(lambda: must_store(cache, "key", {"out": source})))
            os.sync()
            gets.append(wall(lambda: save(cache, folder / "restored")))
        shutil.rmtree(folder / f"large-{number}")
        os.sync()
        hashing = wall(lambda: hashed(source))
        copying = wall(lambda: copied(source, folder / "copy"))
        syncing = wall(lambda: synced(folder / "copy"))
        durable.append(puts[-1] / (hashing + copying + syncing))
        cached.append(puts[-1] / (hashing + copying))
        (folder / "copy").unlink()
    return {
        "put_ratio": statistics.median(durable),
        "put_ratio_cached": statistics.median(cached),
        "put_mb_per_second": size / 1e6 / statistics.median(puts),
        "get_mb_per_second": size / 1e6 / statistics.median(gets),
    }


def wall(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def must_store(cache: ArtifactCache, key: str, outputs: dict[str, Any], meta: Meta | None = None) -> None:
    result = cache.put(key, outputs, meta)
    if not isinstance(result, Stored):
        raise SystemExit(f"{key} was not stored: {result}")


def get(cache: ArtifactCache, key: str, name: str) -> bytes:
    hit = cache.get(key)
    if hit is None:
        raise SystemExit(f"{key} is not there")
    with hit:
        return hit.read(name)


def save(cache: ArtifactCache, path: Path) -> None:
    if cache.restore("key", {"out": path}) is None:
        raise SystemExit("the large object is not there")
    path.unlink()


def hashed(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def copied(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def synced(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    main()
