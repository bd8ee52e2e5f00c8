"""Adapter of Tekton: its documents lifted into the IR, and lowered back; nothing of Tekton is imported."""
