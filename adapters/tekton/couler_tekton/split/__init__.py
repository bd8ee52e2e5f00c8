"""Splitting: pipelines that are too big become several, each run as a PipelineRun of its own."""
