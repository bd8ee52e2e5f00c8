"""Cache policies, asked in a way that says whose fault a failure is."""

from __future__ import annotations

from collections.abc import Sequence, Set

from couler_plugins.errors import PluginFailure
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.plugins.registry import blaming, hint_for
from couler_plugins.runs import Candidate, History

WHAT = "policy"
HINT = hint_for(WHAT)


def online_policy(policy: CachePolicy) -> CachePolicy:
    """The policy that decides in its place on one artifact at a time.

    Raises:
        PluginFailure: it failed to say so.
    """
    with blaming(WHAT, policy.name):
        return policy.online()


def ask_policy(
    policy: CachePolicy, candidates: Sequence[Candidate], capacity: int | None, history: History
) -> Set[str]:
    """What a policy keeps of the candidates, held to its contract.

    Raises:
        PluginFailure: it failed, or keeps what is no candidate, or more than fits.
    """
    with blaming(WHAT, policy.name):
        kept: object = policy.keep(candidates, capacity, history)
    if not isinstance(kept, Set):
        raise PluginFailure(f"the policy {policy.name!r} returned {type(kept).__name__}, not a set of keys", hint=HINT)
    sizes = {candidate.key: candidate.bytes for candidate in candidates}
    if strange := sorted(map(str, kept - sizes.keys())):
        raise PluginFailure(f"the policy {policy.name!r} kept what is no candidate: {strange[0]:.60}", hint=HINT)
    if capacity is not None and (used := sum(sizes[key] for key in kept)) > capacity:
        raise PluginFailure(f"the policy {policy.name!r} kept {used:,} bytes of at most {capacity:,}", hint=HINT)
    return kept
