"""PipelineRuns for workflows of other engines, written anew."""
