"""Matrices of tasks.

Source: `pkg/apis/pipeline/v1/matrix_types.go`; the limit is that of a cluster as it is installed
(`default-max-matrix-combinations-count`).
"""

from __future__ import annotations

import math
from typing import Any

from couler_plugins.documents import Path
from couler_plugins.engine_kit.reporting import Report
from couler_tekton.lint.names import check_once

Mapped = dict[str, Any]
MOST = 256


def matrix_params(task: Mapped, path: Path) -> list[tuple[Mapped, Path, bool]]:
    """What a matrix fills: the parameter, its place, whether it stands in an include."""
    matrix, place = task.get("matrix") or {}, (*path, "matrix")
    params = [(item, (*place, "params", number), False) for number, item in enumerate(matrix.get("params") or ())]
    for number, include in enumerate(matrix.get("include") or ()):
        where = (*place, "include", number, "params")
        params += [(item, (*where, index), True) for index, item in enumerate(include.get("params") or ())]
    return params


def check_matrix(task: Mapped, path: Path, report: Report) -> None:
    """The matrix of a task."""
    matrix, place = task.get("matrix") or {}, (*path, "matrix")
    count = _combinations(matrix)
    if count > MOST:
        message = f"it has {count} combinations, and a cluster takes {MOST}"
        report.error("matrix", place, message, "split it, or raise default-max-matrix-combinations-count")
    for number, include in enumerate(matrix.get("include") or ()):
        check_once(include.get("params"), (*place, "include", number, "params"), "parameters", report)
    check_once(matrix.get("params"), (*place, "params"), "parameters", report)
    filled = {item.get("name") for item, _, _ in matrix_params(task, path)}
    for number, param in enumerate(task.get("params") or ()):
        if param.get("name") in filled:
            message = f"the parameter {param['name']!r} is passed, and the matrix fills it"
            report.error("matrix", (*path, "params", number), message, "keep one of the two")


def _combinations(matrix: Mapped) -> int:
    """How often a task with this matrix runs, as far as that is known before."""
    params, includes = matrix.get("params") or (), matrix.get("include") or ()
    if not params:
        return len(includes)
    lists = {item.get("name"): item["value"] if isinstance(item.get("value"), list) else [] for item in params}
    count = math.prod(len(held) for held in lists.values() if held)
    for include in includes:
        for param in include.get("params") or ():
            if param.get("name") in lists:
                if param.get("value") in lists[param["name"]]:
                    break
                count += 1
    return count
