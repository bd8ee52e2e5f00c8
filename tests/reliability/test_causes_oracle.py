"""Go, whose regular expressions Argo uses, reads the patterns of the table as Python does."""

from __future__ import annotations

import json
import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from couler_plugins.reliability.table import CAUSES
from reliability.test_causes import CASES
from support import GO

pytestmark = pytest.mark.oracle
PROGRAM = """
package main

import (
	"encoding/json"
	"os"
	"regexp"
)

func main() {
	var asked struct{ Patterns, Texts []string }
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		panic(err)
	}
	answers := [][]bool{}
	for _, pattern := range asked.Patterns {
		compiled := regexp.MustCompile(pattern)
		answer := []bool{}
		for _, text := range asked.Texts {
			answer = append(answer, compiled.MatchString(text))
		}
		answers = append(answers, answer)
	}
	json.NewEncoder(os.Stdout).Encode(answers)
}
"""


def test_go_matches_what_python_matches(tmp_path: Path) -> None:
    assert GO is not None
    source = tmp_path / "main.go"
    source.write_text(PROGRAM)
    patterns = [cause.message for cause in CAUSES if cause.message]
    own = [attempt.message for _, _, attempt in CASES]
    texts = [*own, *map("\n".join, pairwise(own))]
    done = subprocess.run(
        [GO, "run", str(source)],
        input=json.dumps({"patterns": patterns, "texts": texts}),
        capture_output=True,
        text=True,
        check=True,
    )
    here = [[re.search(pattern, text) is not None for text in texts] for pattern in patterns]
    there = json.loads(done.stdout)
    differing = [
        (pattern, text)
        for pattern, ours, theirs in zip(patterns, here, there, strict=True)
        for text, one, other in zip(texts, ours, theirs, strict=True)
        if one != other
    ]
    assert differing == []
