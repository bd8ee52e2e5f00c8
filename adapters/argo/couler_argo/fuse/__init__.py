"""Chains of steps as one pod: one script, or a container set."""
