"""Edits of workflows by people: what an editor does to a file, one action after another."""
