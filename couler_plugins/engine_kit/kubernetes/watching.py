"""Hears of runs that end, in the pauses between two looks at them.

A watch is a bell and no more: what became of a run is read anew once it has rung, and after the pause where it has not.
So nothing hangs on an event that is lost: on a connection that is closed, on a version that the server has forgotten,
on an account that may not watch.
Source: https://kubernetes.io/docs/reference/using-api/api-concepts/, "Efficient detection of changes".
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import closing

from couler_plugins.engine_kit.kubernetes.calls import Mapped, Refused
from couler_plugins.engine_kit.kubernetes.objects import Calls, Kind
from couler_plugins.errors import EngineError

GONE = 410
UNHEARD = frozenset({401, 403, 404, 405})
"""Who is refused like this may not watch, and will not be able to in a minute."""
log = logging.getLogger(__name__)


class Bell:
    """Rings when one of some runs ends, or is deleted.

    Args:
        calls: the cluster.
        kind: of the runs.
        namespace: where they are.
        labels: a selector: those that have these.
        ended: whether a run has ended.
    """

    def __init__(self, calls: Calls, kind: Kind, namespace: str, labels: str, ended: Callable[[Mapped], bool]) -> None:
        self._calls, self._kind, self._namespace, self._labels = calls, kind, namespace, labels
        self._ended = ended
        self._version = ""
        self._deaf = False

    def wait(self, seconds: float) -> None:
        """Waits until it rings, but not for longer than this; the caller looks at the runs afterwards."""
        until = time.monotonic() + seconds
        if self._deaf or not self._rings(max(1, int(seconds))):
            time.sleep(max(0.0, until - time.monotonic()))

    def _rings(self, seconds: int) -> bool:
        """Whether there is something to look at."""
        try:
            if not self._version:
                # What has happened before this version is seen by the look that follows, and the rest is heard.
                self._version = self._calls.version(self._kind, self._namespace)
                return True
            return self._hears(seconds)
        except Refused as refused:
            self._deaf = refused.status in UNHEARD
            if refused.status == GONE:
                self._version = ""
            log.info("%s; %s", refused, "runs are polled instead" if self._deaf else "it is tried again")
        except EngineError as lost:
            log.info("%s; it is tried again", lost)
        return False

    def _hears(self, seconds: int) -> bool:
        events = self._calls.watch(self._kind, self._namespace, self._labels, self._version, seconds)
        with closing(events):
            for event in events:
                self._version = event.version
                if event.type == "DELETED" or (event.type != "BOOKMARK" and self._ended(event.thing)):
                    return True
        return False
