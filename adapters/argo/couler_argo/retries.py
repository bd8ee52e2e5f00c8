"""What Argo repeats: failures whose message or exit code says that they pass, each with more memory if need be.

An expression sees `lastRetry.message`, `.exitCode` and `.status` as texts, and never the reason of a pod
(`buildRetryStrategyLocalScope` and `inferFailedReason` in workflow/controller/operator.go). It is expr-lang, whose
patterns are RE2's. Memory grows by `retries` and not by the message: that works in every version (in a template,
`lastRetry` is only known from 3.7 on, and older versions fail at run time), and after an eviction in between nothing
falls back to what was too little. It is bounded, since the number of attempts is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from couler_argo.documents import spec_of
from couler_argo.footprint import POD_KINDS
from couler_argo.memory_patch import FORM_OF_PATCH, GROWING
from couler_argo.pod_sizes import HOME
from couler_argo.references import value
from couler_argo.spelling import write, write_native
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.hookspecs.causes import Cause
from couler_plugins.ir import Expression, Literal, Native, Operation, Retry, Step, Workflow, replace
from couler_plugins.ir.attempts import AttemptLimits
from couler_plugins.ir.quantities import memory_text, parse_quantity

PASSING = ("infrastructure", "throttled", "resource")
POLICY = "retryPolicy"
ALWAYS, ON_FAILURE = "Always", "OnFailure"
KINDS = POD_KINDS - {"unknown"}
NO_POD = "Argo repeats it without looking at what it runs"
"""A template of `suspend`, `http` or a plugin, and one that nobody knows."""
MOST_ATTEMPTS = 10
