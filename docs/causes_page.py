"""The page about causes of failures: how the table is read, and its built-in rows."""

from __future__ import annotations

from collections.abc import Iterator

from reference import MADE_BY

from couler_plugins.hookspecs import Cause
from couler_plugins.reliability.classification import UNKNOWN
from couler_plugins.reliability.table import CAUSES

PAGE = """\
# Causes of failures

{made_by}, from the built-in table of causes.

Whether a step that failed may run again depends on why it failed. A node that went away says nothing about the
program: the next attempt may do well. A program that ends with 1 will end so again. The table of causes says which is
which. It is one table for all engines, and each row says where its knowledge is from.

## How the table is read

An attempt has an exit code, a reason (a word such as `OOMKilled`, or the class of a Python exception on Airflow) and
a message: what the engine says of the failure. A row matches if all that it says is true of the attempt:

- *engines*: the attempt ran on one of these. Most rows are for all engines.
- *reason*: the reason is one of these words.
- *exit code*: the main container ended with one of these.
- *message*: the pattern occurs in the message, in its first 10,000 characters. Patterns are regular expressions that
  RE2 (of Argo's expressions) and Python read alike.

Rows are looked at from top to bottom, and the first that matches counts. What says that nothing is to be repeated
comes first: stops, limits of time, limits of memory and disk. Then come messages, reasons, and exit codes, which say
least. So a step that ran out of memory is never taken for one whose node was lost, although both end with 137.

**What matches no row is deterministic**: nothing is repeated by guess.

One thing is read from the past use of memory: exit code 137 is `out-of-memory` where a container was at its limit,
since the runtime does not always say `OOMKilled`.

## Classes

| class | what failed | may it run again? |
| --- | --- | --- |
| infrastructure | a machine, a network or a service around the program | yes, after a short time |
| throttled | a limit on calls or on a quota, which passes by itself | yes, after a longer time |
| resource | too little memory or disk | only with more of it |
| timeout | too little time | only with more of it |
| deterministic | the program, its input or its description | no |
| stopped | a person, or the engine for them, ended it | no |

"May run again" holds for the failure, and not for the step: a step that has sent half of its mails fails for a lost
node, too. Where a row says *before the start*, the engine itself says that nothing of the step's program has run, so
that even such a step may run again. Few rows say so. A pod that a node rejects may have run: when a kubelet restarts,
it asks for running pods again whether they fit. Where a pod has several containers of a step, others may have run
before one could not start.

Image errors are repeated only if the registry says that it is busy or cannot be reached. A name that is not there is
`deterministic`, and so is an image that is not pulled for a reason that nobody says.

## Rows of your own

A plugin adds rows by [`couler_causes`](plugins/hooks.md#couler_causes-listcause), and they are looked at before the
built-in ones. `couler plugins` says how many each plugin has, and what is wrong with others.

## The rows

| cause | class | what it looks like | source | what to do |
| --- | --- | --- | --- | --- |
"""


def causes() -> str:
    """The table of causes, and how it is read."""
    rows = (f"| {' | '.join(_cells(cause))} |" for cause in (*CAUSES, UNKNOWN))
    return PAGE.format(made_by=MADE_BY) + "\n".join(rows) + "\n"


def _cells(cause: Cause) -> Iterator[str]:
    yield f"`{cause.name}`"
    yield cause.cause_class + (", before the start" if cause.before_start else "")
    yield "; ".join(_looks(cause)) or "anything else"
    yield cause.source
    yield cause.remedy


def _looks(cause: Cause) -> Iterator[str]:
    """What a row asks for, field by field."""
    if cause.engines:
        yield ", ".join(cause.engines)
    if cause.reasons:
        yield f"reason {', '.join(f'`{reason}`' for reason in cause.reasons)}"
    if cause.exit_codes:
        yield f"exit code {', '.join(map(str, cause.exit_codes))}"
    if cause.message:
        pattern = cause.message.replace("|", "\\|")
        yield f"message `{pattern}`"
