"""New runs of what failed, without the steps that are done."""
