"""How `fuse` makes steps of one Task of the tasks of a pipeline."""
