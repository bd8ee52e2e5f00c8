"""Tekton for couler-plugins: its documents, read and written as they are; nothing of Tekton is imported."""
