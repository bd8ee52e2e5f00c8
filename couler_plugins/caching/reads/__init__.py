"""Reads of running Python code: what a result depends on beside its arguments."""

from couler_plugins.caching.reads.facts import Fact, Facts
from couler_plugins.caching.reads.observation import Observation, observe
from couler_plugins.caching.reads.read_sets import Read, ReadSet, decode_reads, encode_reads, verify
from couler_plugins.caching.reads.traces import Trace, Traces, decode_traces, trace_key

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
