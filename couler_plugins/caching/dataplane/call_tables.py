"""System calls by what they do to the paths among their arguments."""

from __future__ import annotations

from typing import NamedTuple

from couler_plugins.caching.reads.kinds import Kind

__all__ = ["AGAIN", "CHANGES", "LISTS", "LOOKS", "MAKES", "PAIRS", "PROGRAMS", "SENDS", "STARTS", "Places"]

PROGRAMS = frozenset(("execve", "execveat"))
AGAIN = frozenset(("EINTR", "ERESTARTSYS", "ERESTARTNOINTR", "ERESTARTNOHAND"))


class Places(NamedTuple):
    """Where the paths of a call are among its arguments: each with the descriptor that it starts at, if it has one."""

    paths: tuple[tuple[int | None, int], ...]
    follows: bool = True


FIRST, AT = Places(((None, 0),)), Places(((0, 1),))
LINK, LINK_AT = Places(((None, 0),), follows=False), Places(((0, 1),), follows=False)
LOOKS: dict[str, tuple[Kind, Places]] = {
    **dict.fromkeys(("stat", "stat64"), ("stat", FIRST)),
    **dict.fromkeys(("lstat", "lstat64"), ("lstat", LINK)),
    **dict.fromkeys(("newfstatat", "fstatat64", "statx"), ("stat", AT)),
    "access": ("access", FIRST),
    **dict.fromkeys(("faccessat", "faccessat2"), ("access", AT)),
    "readlink": ("link", LINK),
    "readlinkat": ("link", LINK_AT),
    **dict.fromkeys(("statfs", "statfs64", "getxattr", "listxattr", "chdir"), ("kind", FIRST)),
    **dict.fromkeys(("lgetxattr", "llistxattr"), ("lkind", LINK)),
}
CHANGES: dict[str, Places] = {
    **dict.fromkeys(("unlink", "rmdir", "lchown", "lsetxattr", "lremovexattr"), LINK),
    "unlinkat": LINK_AT,
    **dict.fromkeys(("chmod", "chown", "truncate", "truncate64", "utime", "utimes", "setxattr", "removexattr"), FIRST),
    **dict.fromkeys(("fchmodat", "fchmodat2", "fchownat", "utimensat", "futimesat"), AT),
}
MAKES: dict[str, Places] = {
    **dict.fromkeys(("mkdir", "mknod"), LINK),
    **dict.fromkeys(("mkdirat", "mknodat"), LINK_AT),
    "symlink": Places(((None, 1),), follows=False),
    "symlinkat": Places(((1, 2),), follows=False),
}
PAIRS: dict[str, Places] = {
    **dict.fromkeys(("rename", "link"), Places(((None, 0), (None, 1)), follows=False)),
    **dict.fromkeys(("renameat", "renameat2", "linkat"), Places(((0, 1), (2, 3)), follows=False)),
}
LISTS = frozenset(("getdents", "getdents64"))
STARTS = frozenset(("fork", "vfork", "clone", "clone3"))
SENDS = frozenset(("connect", "sendto", "sendmsg", "sendmmsg"))
