"""One run of a task with the cache around it. Whatever fails here, the task ends as it would have without us."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from couler_airflow.cache.eligible import BRANCH, class_of, is_pod, path_of
from couler_airflow.cache.key import TaskKey, TaskMaterial
from couler_airflow.cache.task_checks import KEPT_BACK, NOTHING, knows_no_run
from couler_airflow.codec import Result, decode_result, encode_result
from couler_airflow.marks import Declaration
from couler_airflow.runtime.last_report import remember
from couler_airflow.runtime.observing import observed, reads_that_count
from couler_airflow.runtime.outputs import NotInPlace, Outputs
from couler_airflow.runtime.store import Store
from couler_airflow.runtime.upstream import XCOM, Before, token_of
from couler_airflow.runtime.xcoms import has_own_backend, noted, pushed_before
from couler_airflow.settings import SECTION, load_settings
from couler_plugins.caching.artifacts import Entry, Meta
from couler_plugins.caching.code.fingerprint import Fingerprint
from couler_plugins.caching.code.uncacheable import Uncacheable, describe, describe_all, objections_of
from couler_plugins.caching.reads import Traces, decode_traces, trace_key, verify
from couler_plugins.caching.waivers import OF_PROGRAMS

log = logging.getLogger(__name__)
Compute = Callable[[], Any]
SKIPPING = "DownstreamTasksSkipped"
"""What branches raise once they have chosen."""


class _Match(NamedTuple):
    """A result that still holds, and is in place."""

    entry: Entry
    value: Any
    content: bytes
    restored: list[str]


class Run:
    """One run of a task.

    Args:
        task: the operator with its templates rendered.
        context: the context of the run.
        declaration: what its owner says of it.
        stores: whether its result may be kept and reused; otherwise only its key is told to what runs after it.
        resumed: the arguments with which it goes on after it was deferred; None where it begins.
    """

    def __init__(
        self, task: Any, context: Mapping[str, Any], declaration: Declaration, *, stores: bool, resumed: Any
    ) -> None:
        self._task = task
        self._context = context
        self._ti = context["ti"]
        self._declaration = declaration
        self._stores = stores
        self._is_pod = is_pod(task)
        self._resumed = None if self._is_pod else resumed  # what a pod computes does not depend on the event of its end
        self._pod_ended = self._is_pod and resumed is not None
        self._settings = load_settings()
        self._draws_idly = False

    def result(self, compute: Compute) -> Any:
        """What the task returns: from the cache, or computed. What `compute` raises goes through."""
        wish = _wish(self._context)
        if wish == "off":
            return compute()
        try:
            before = Before(self._task, self._ti, self._declaration)
            key = self.key(before)
        except (Exception, SystemExit, GeneratorExit) as error:  # noqa: BLE001  # its own code and values are looked at
            self._refuse(error)
            return compute()
        if not self._stores:
            return self._run_keyed(key, compute)
        with Store(self._settings) as store, Outputs(key.outputs) as outputs:
            looks = self._ti.try_number == 1 and not self._pod_ended and wish != "refresh"
            usable, wait = (self._is_usable, self._wait()) if looks else (_none, 0.0)
            traces, match = self._look_up(key, store, outputs, usable, wait)
            if match is not None:
                self._say_hit(key, match)
                return match.value
            return self._compute(key, before, store, outputs, compute, traces)

    def key(self, before: Before) -> TaskKey:
        """Return the key of this run.

        Args:
            before: what ran before it.

        Raises:
            Uncacheable: it has none; with all objections, as `couler explain` has them.
        """
        material = TaskMaterial(self._task, self._declaration)
        key = material.key(self._context, before.tokens, self._resumed)
        self._draws_idly = material.draws_idly
        for item in material.chances if self._declaration.itself else ():
            log.warning("%s: its owner says that this is no matter, so the first result is kept", describe(item))
        return key

    def _look_up(
        self, key: TaskKey, store: Store, outputs: Outputs, usable: Callable[[Entry], bool], wait: float
    ) -> tuple[Traces, _Match | None]:
        """The traces of a key, and the result that still holds; with none, what is computed takes the place of all.

        Where another worker computes what does not hold any more, this one waits for that, as for what is not there.
        """
        stale: list[Entry] = []
        traces, deadline = Traces(), time.monotonic() + wait

        def is_fresh(entry: Entry) -> bool:
            return entry not in stale and usable(entry)

        while candidate := store.find(key.key, is_fresh, max(0.0, deadline - time.monotonic())):
            traces, match = self._open(key, *candidate, store, outputs)
            if match is not None:
                return traces, match
            stale.append(candidate[0])
        for newest in traces.traces[:1]:
            if (read := verify(newest.reads)) is not None:
                log.info("computed again: %s is not as it was", read)
        return traces, None

    def _open(
        self, key: TaskKey, entry: Entry, data: bytes, store: Store, outputs: Outputs
    ) -> tuple[Traces, _Match | None]:
        """The traces of a key, and the result whose reads still hold, put back and replayed; None where none does."""
        traces = Traces()
        try:
            traces = decode_traces(data)
            trace = traces.find()
            if trace is not None:
                result = decode_result(trace.content)
                restored = outputs.put_back(store, trace_key(key.key, trace.reads), result.outputs)
                for name, value in result.xcoms.items():
                    self._ti.xcom_push(name, value)
                return traces, _Match(entry, result.value, trace.content, restored)
        except NotInPlace as error:
            log.warning("computed again: %s", error)
            return traces, None
        except Exception as error:  # noqa: BLE001  # what cannot be read is computed
            log.warning("the stored result cannot be used: %s", objections_of(error)[0].reason)
            return Traces(), None
        return traces, None

    def _compute(
        self, key: TaskKey, before: Before, store: Store, outputs: Outputs, compute: Compute, traces: Traces
    ) -> Any:
        outputs.begin()
        started = time.monotonic()
        with noted(self._ti) as pushed, observed() as seen:
            value = compute()
        seconds = time.monotonic() - started
        try:
            result = Result(value, {**(pushed_before(self._ti) if self._pod_ended else {}), **pushed})
            content = self._content(result)
            of_run = not knows_no_run(self._task)  # BashOperator hands on all variables, whatever its command reads
            facts = {"of_run": of_run, "draws_idly": self._draws_idly}
            # The worker of a pod talks to Kubernetes, and nobody observes the pod: there, its owner's word stands.
            declaration = replace(self._declaration, allow=OF_PROGRAMS) if self._is_pod else self._declaration
            reads = reads_that_count(seen, declaration, content, outputs, **facts)
            meta = self._meta(key, before, seconds)
            if key.outputs:
                kept = outputs.keep(store, trace_key(key.key, reads), meta)
                content = encode_result(result._replace(outputs=kept))
            self._keep(key, store, traces.add(reads, content), meta)
        except Exception as error:  # noqa: BLE001  # it is computed, and that is what counts
            self._refuse(error, "the result is not kept", logging.WARNING, key=key.key)
        return value

    def _content(self, result: Result) -> bytes:
        """The bytes of a result that can be kept.

        Raises:
            Uncacheable: there is none, or it cannot.
        """
        handed_on = result.xcoms or self._declaration.outputs
        if not handed_on and (result.value is None or not self._task.do_xcom_push):
            raise Uncacheable(NOTHING if result.value is None else KEPT_BACK, rule="no-result")
        data = encode_result(result)
        if not has_own_backend():
            return data
        # Another backend may keep what Airflow's own would change: what a hit hands on is to be the very same.
        back = decode_result(data)
        if _form(back) != _form(result):
            raise Uncacheable(f"a {type(result.value).__name__} does not come back from the cache as it was")
        return data

    def _keep(self, key: TaskKey, store: Store, traces: Traces, meta: Meta) -> None:
        newest = traces.traces[0]
        token = token_of(key.key, _sha256(newest.content))
        message: dict[str, Any] = {"cached": True, "hit": False, "key": key.key, "token": token}
        # Each takes milliseconds of waiting for another process.
        refused = store.keep(traces.encode(), meta, meanwhile=lambda: self._tell(message))
        if refused:
            log.warning("the result is not kept: %s", refused)
            self._tell(message | {"cached": False, "reason": refused})
        else:
            read = len(newest.reads.reads)
            what = f"; it also depends on {read} thing{'s'[: read != 1]} that it read" if read else ""
            what += f"; it also keeps {', '.join(key.outputs)}" if key.outputs else ""
            log.info("MISS: computed in %.3g s and kept under %s%s", meta.seconds or 0.0, key.key, what)

    def _run_keyed(self, key: TaskKey, compute: Compute) -> Any:
        """Runs what always runs, and tells what it has chosen to the tasks after it."""
        try:
            value = chosen = compute()
        except Exception as error:
            if type(error).__name__ == SKIPPING:
                self._tell_choice(key, [sorted(map(str, getattr(error, "tasks", ())))])
            raise
        self._tell_choice(key, chosen)
        return value

    def _tell_choice(self, key: TaskKey, chosen: Any) -> None:
        log.info("not cached: %s (rule operator)", BRANCH)
        message: dict[str, Any] = {"cached": False, "reason": BRANCH, "rules": ["operator"], "key": key.key}
        try:
            message["token"] = token_of(key.key, _sha256(encode_result(Result(chosen, {}))))
        except Uncacheable as error:
            log.info("nothing after it can be cached: %s", error.message)
        self._tell(message)

    def _say_hit(self, key: TaskKey, match: _Match) -> None:
        saved = match.entry.meta.seconds
        took = "?" if saved is None else f"{saved:.3g}"
        what = f"; put back: {', '.join(match.restored) or 'nothing, all is in place'}" if key.outputs else ""
        log.info("HIT: this result was computed before, in %s s, under %s%s", took, key.key, what)
        message: dict[str, Any] = {"cached": True, "hit": True, "key": key.key, "saved_seconds": saved}
        message["token"] = token_of(key.key, _sha256(match.content))
        self._tell(message | ({"restored": match.restored} if key.outputs else {}))

    def _is_usable(self, entry: Entry) -> bool:
        oldest = self._declaration.ttl
        return oldest is None or 0 <= time.time() - entry.created <= oldest

    def _wait(self) -> float:
        """How long to wait for another worker: a task that has a time limit would use that up."""
        return 0.0 if self._task.execution_timeout else self._settings.cache_wait

    def _meta(self, key: TaskKey, before: Before, seconds: float | None) -> Meta:

        ti = self._ti
        return Meta(
            family=ti.dag_id[:1024],
            step=ti.task_id[:1024],
            type=path_of(class_of(self._task))[:1024],
            spec=key.spec,
            run=ti.run_id[:1024],
            seconds=seconds,
            parents=before.keys(),
            made_by="couler_airflow",
        )

    def _refuse(self, error: BaseException, what: str = "not cached", level: int = logging.INFO, **more: str) -> None:
        """Tell why a task is not cached: all objections, as `couler explain` has them."""
        objections = objections_of(error)
        rules = [item.rule for item in objections]
        if rules == ["no-result"]:
            log.debug("%s", objections[0].reason)  # so it is in every run, and nobody has to do anything
        else:
            log.log(level, "%s: %s", what, describe_all(objections))
        self._tell({"cached": False, **more, "reason": "; ".join(item.reason for item in objections), "rules": rules})

    def _tell(self, message: Mapping[str, Any]) -> None:
        """Leave an XCom that says what the cache did; nothing fails for it."""
        remember(self._ti, message)
        try:
            self._ti.xcom_push(XCOM, dict(message))
        except Exception as error:  # noqa: BLE001  # what runs after it is not cached then
            log.warning("the XCom %s could not be pushed: %s", XCOM, type(error).__name__)


def _wish(context: Mapping[str, Any]) -> str:
    """What the run was started with: `{"couler": "refresh"}` computes all anew, `{"couler": "off"}` does without us."""
    conf = getattr(context.get("dag_run"), "conf", None)
    wish = conf.get(SECTION) if isinstance(conf, Mapping) else None
    return wish if isinstance(wish, str) else ""


def _none(entry: Entry) -> bool:
    return False


def _form(result: Result) -> Any:
    return Fingerprint().form([result.value, dict(result.xcoms)])


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()
