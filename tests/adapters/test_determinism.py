"""The same input gives the same bytes, in any process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from adapters.subjects import GENERATORS, Subject, each_subject
from support import ROOT, first_of

PROGRAM = """
import hashlib, sys
from adapters.argo.edits import EDITS, edited
from adapters.subjects import GENERATORS, lift_file, lower_and_write, regenerate
from couler_plugins.errors import Unsupported
from couler_plugins.ir import to_json, without_origin

(subject,) = (subject for subject in GENERATORS if subject.engine == sys.argv[1])
seen = hashlib.sha256()
for path in subject.files()[:: int(sys.argv[2])]:
    plan = lift_file(subject, path)
    for workflow in plan.workflows:
        seen.update(to_json(workflow))
        for kind in EDITS:
            for number, edit in enumerate(edited(workflow, kind)):
                seen.update(str(edit.result).encode() if isinstance(edit.result, Unsupported) else b"")
                if number > 3 or isinstance(edit.result, Unsupported):
                    continue
                lowered, written = lower_and_write(subject, plan.with_workflow(workflow, edit.result))
                seen.update(repr((written.texts, lowered.edits, lowered.refused)).encode())
        for document, _ in regenerate(subject, [without_origin(workflow)]):
            seen.update(repr(document).encode())
print(seen.hexdigest())
"""


@pytest.mark.parametrize("one_of", first_of([12, 1]))
@pytest.mark.parametrize("subject", each_subject(GENERATORS))
def test_the_same_bytes_whatever_the_hash_seed(subject: Subject, one_of: int) -> None:
    path = os.pathsep.join(map(str, (ROOT, *(ROOT / "adapters").iterdir(), ROOT / "tests")))
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, subject.engine, str(one_of)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed, folder in (("0", ROOT), ("4711", ROOT / "tests"))
    ]
    outputs = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert outputs[0] == outputs[1] != ""
