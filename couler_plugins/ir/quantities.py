"""Amounts of resources in Kubernetes' notation: `250m` cores, `512Mi` bytes.

Source: `pkg/api/resource/quantity.go` of k8s.io/apimachinery.
"""

from __future__ import annotations

import math
import re

QUANTITY = re.compile(r"\+?(\d+\.?\d*|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?")
UNITS = {"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3}
UNITS |= {unit: 1000.0 ** (power + 1) for power, unit in enumerate("kMGTPE")}
UNITS |= {f"{unit}i": 1024.0 ** (power + 1) for power, unit in enumerate("KMGTPE")}
MEBIBYTE, GIBIBYTE = 2**20, 2**30


def parse_quantity(text: object) -> float | None:
    """Return cores or bytes as a number; None for what is no quantity, such as a text that the run fills in."""
    match = QUANTITY.fullmatch(str(text))
    if match is None or isinstance(text, bool):
        return None
    number, unit = float(match[1]), match[2] or ""
    factor = UNITS[unit] if unit in UNITS else float(f"1{unit}")
    return number * factor if math.isfinite(number * factor) else None


def memory_text(amount: float) -> str:
    """Return bytes as people write them, rounded up to mebibytes: `512Mi`, `2Gi`."""
    mebibytes = max(1, math.ceil(amount / MEBIBYTE))
    return f"{mebibytes // 1024}Gi" if mebibytes % 1024 == 0 else f"{mebibytes}Mi"


def cpu_text(cores: float) -> str:
    """Return cores as people write them, rounded up to thousandths: `250m`, `2`."""
    thousandths = max(1, math.ceil(round(cores * 1000, 6)))
    return str(thousandths // 1000) if thousandths % 1000 == 0 else f"{thousandths}m"
