"""The `podSpecPatch` by which items of a loop, or attempts of a step, get different memory; no result depends on it."""

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
FACTOR, BOUND = "# times {factor:.15g}", ", at most {most}"
BY_ATTEMPT = r"\{\{=retries == [^{}\"\\]*\}\}"
LIMITS, REQUESTS = (
    re.escape(form).replace(field, size)
    for form, field, size in (
        (GROWTH, r"\{limit\}", f"(?P<limit>{BY_ATTEMPT})"),
        (GROWTH_OF_REQUEST, r"\{request\}", rf"(?:{BY_ATTEMPT}|[\w.]+)"),
    )
)
GROWN = re.compile(rf"(?:# times (?P<factor>[\d.]+)(?:, at most (?P<most>\w+))?\n)?{LIMITS}(?:{REQUESTS})?")
"""What `guard` writes, and nobody else: the limit of each attempt, and a request that would follow it."""
SIZE = re.compile(r"[?:] '([\w.]+)'")
"""The amounts in there, in the order of the attempts."""
