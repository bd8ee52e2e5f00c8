"""Forks again and again while threads use the cache; says how the children fared, and what became of the parent's.

Usage: forks.py STORE INDEX
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from couler_plugins.caching.artifacts import ArtifactCache, Claim, Hit, open_cache

CHILDREN = 40
PATIENCE = 10.0
"""Seconds after which a child is taken for hung."""


def child(cache: ArtifactCache, claim: Hit | Claim, hit: Hit) -> int:
    """What a forked process does with what its parent had: reads, stores, and gives nothing up that is the parent's."""
    claim.close()
    hit.close()
    with cache.get("k") or sys.exit(1) as mine:
        right = mine.read("out") == b"content"
    right = right and "Refused" not in type(cache.put(f"by-{os.getpid()}", {"out": b"x"})).__name__
    with cache.claim(f"of-{os.getpid()}") as own:
        right = right and isinstance(own, Claim) and own.leader
    cache.close()
    return 0 if right else 2


def fork(cache: ArtifactCache, claim: Hit | Claim, hit: Hit) -> str:
    pid = os.fork()
    if pid == 0:
        code = 3
        try:
            code = child(cache, claim, hit)
        finally:
            os._exit(code)
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return "wrong" if status else "right"
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return "hung"


def main(store: str, index: str) -> None:
    with open_cache(store, index=index, lease_seconds=6) as cache, open_cache(store, index=index) as other:
        cache.put("k", {"out": b"content"})
        claim, hit = cache.claim("l"), cache.get("k")
        assert hit is not None
        over = threading.Event()

        def read() -> None:
            while not over.is_set():
                with cache.get("k") or sys.exit(1) as found:
                    found.read("out")
                with cache.claim(f"{threading.get_ident()}"):
                    pass

        threads = [threading.Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        fared = [fork(cache, claim, hit) for _ in range(CHILDREN)]
        over.set()
        for thread in threads:
            thread.join()
        second = other.claim("l")
        evicted = {entry.key for entry in other.evict(0)} if index != "none" else set()
    told = [
        "children: " + ", ".join(f"{fared.count(how)} {how}" for how in ("right", "wrong", "hung")),
        "claim: " + ("given up" if isinstance(second, Claim) and second.leader else "held"),
        "lease: " + ("ended" if "k" in evicted else "held"),
    ]
    sys.stdout.write("\n".join(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
