"""Reads of Python code, observed while it runs: what its result depends on beside what it was called with."""

from couler_plugins.caching.reads.facts import Fact, Facts
from couler_plugins.caching.reads.observation import Observation, observe
from couler_plugins.caching.reads.read_sets import Read, ReadSet, decode_reads, encode_reads
from couler_plugins.caching.reads.traces import Trace, Traces, decode_traces, trace_key
from couler_plugins.caching.reads.verification import verify

__all__ = [
    "Fact",
    "Facts",
    "Observation",
    "Read",
    "ReadSet",
    "Trace",
    "Traces",
    "decode_reads",
    "decode_traces",
    "encode_reads",
    "observe",
    "trace_key",
    "verify",
]
