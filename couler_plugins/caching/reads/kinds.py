"""Kinds of reads. The observer runs in the Python of a step as well: it needs nothing beside the standard library."""

from __future__ import annotations

from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[
    "variable",  # the value of an environment variable
    "variables",  # the names of all of them, or of those with a prefix
    "directory",  # the working directory
    "module",  # whether a top-level module can be imported
    "kind",  # what a path leads to: a file, a folder, nothing, …
    "mode",  # its kind and permissions
    "size",  # its kind and size
    "stat",  # its kind, permissions, size and time of modification
    "lkind",  # these four, of a link itself
    "lmode",
    "lsize",
    "lstat",
    "link",  # what a link says
    "access",  # what the process may do with a path
    "folder",  # the names and kinds of what is in a folder
    "file",  # the bytes of a file
]
"""What is read, in the order in which reads are checked: what costs least comes first."""

ABSENT = "absent"
LIMIT = 10_000  # reads of one set; more would cost a look-up seconds
