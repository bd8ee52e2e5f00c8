"""Workflows of other engines as PipelineRuns: what is written anew for Tekton is made from these."""
