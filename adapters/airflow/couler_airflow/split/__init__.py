"""Splitting: a DAG that is too deep for the scheduler becomes a controller and DAGs that it starts."""
