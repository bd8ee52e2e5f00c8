"""Workflows of other engines as DAG files: Python source that needs Airflow to run, and nothing of ours."""
