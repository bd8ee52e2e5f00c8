"""The `podSpecPatch` by which the items of a loop get different memory; no result depends on it."""

from __future__ import annotations

import re

FORM_OF_PATCH = """\
containers:
- name: main
  resources:
    requests:
      memory: "{memory}"
    limits:
      memory: "{memory}"
"""
OURS = re.compile(
    re.escape(FORM_OF_PATCH).replace(r"\{memory\}", r"(\{\{=[^{}\"\\]*\}\})", 1).replace(r"\{memory\}", r"\1")
)
"""What `rightsize{by-item=true}` writes, and nobody else."""
