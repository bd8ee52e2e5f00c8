"""Classification of failures: the row of the table of causes that an attempt is like."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec.structs import replace

from couler_plugins.hookspecs import Cause
from couler_plugins.plugins import CAUSES, Plugins
from couler_plugins.runs import Attempt

LONGEST = 10_000
"""Characters of a message that are looked at: programs write into some of them."""
KILLED, OUT_OF_MEMORY = 137, "OOMKilled"
NEAR = 0.95
"""The share of its limit that a container used at the peak, at least, where SIGKILL is put down to memory."""
UNKNOWN = Cause(
    name="unknown",
    cause_class="deterministic",
    source="no row of the table of causes is like it",
    remedy="its message may say more, or its log if it has run; a plugin can add a row",
)


def causes_of(plugins: Plugins) -> Sequence[Cause]:
    """Return the rows of all plugins in the order in which they are looked for: the built-in ones last.

    Raises:
        PluginFailure: two plugins have a row of one name.
    """
    plugins.all(CAUSES)  # so that all of them have been asked
    records = sorted(plugins.loaded, key=lambda record: record.module.startswith("couler_plugins."))
    return [plugins.get(CAUSES, name) for record in records for name in record.provides.get(CAUSES.key, ())]


def classify(attempt: Attempt, engine: str, causes: Sequence[Cause]) -> Cause:
    """Return the first row that an attempt is like; `UNKNOWN`, which is deterministic, where there is none.

    Args:
        attempt: an attempt that failed.
        engine: the engine that ran it.
        causes: the table, such as `Context.causes` gives it.
    """
    if attempt.exit_code == KILLED and any(
        use.memory_limit and (use.memory or 0) >= NEAR * use.memory_limit for use in attempt.containers
    ):
        attempt = replace(attempt, reason=OUT_OF_MEMORY)  # runtimes miss some of these
    return next((cause for cause in causes if matches(cause, attempt, engine)), UNKNOWN)


def matches(cause: Cause, attempt: Attempt, engine: str) -> bool:
    """Return whether an attempt is like all that a row says."""
    return (
        (not cause.engines or engine in cause.engines)
        and (not cause.reasons or attempt.reason in cause.reasons)
        and (not cause.exit_codes or attempt.exit_code in cause.exit_codes)
        and (not cause.message or re.search(cause.message, attempt.message[:LONGEST]) is not None)
    )
