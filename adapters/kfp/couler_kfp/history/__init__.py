"""Past runs of pipelines, from the API or the folder of a local run."""
