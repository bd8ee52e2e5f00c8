"""The `podSpecPatch` by which items of a loop, or attempts of a step, get different memory; no result depends on it."""

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
GROWTH = """\
containers:
- name: main
  resources:
    limits:
      memory: "{limit}"
"""
GROWTH_OF_REQUEST = """\
    requests:
      memory: "{request}"
"""
BY_ATTEMPT = r"(\{\{=retries == [^{}\"\\]*\}\})"
LIMITS, REQUESTS = (
    re.sub(r"\\\{(limit|request)\\\}", lambda found: BY_ATTEMPT, re.escape(form))
    for form in (GROWTH, GROWTH_OF_REQUEST)
)
GROWN = re.compile(f"{LIMITS}(?:{REQUESTS})?")
"""What `guard` writes, and nobody else: the limit of each attempt, and its request where there was one."""
SIZE = re.compile(r"[?:] '([\w.]+)'")
"""The amounts in there, in the order of the attempts."""
