"""DAG files for workflows of other engines: Python source that needs Airflow to run, and nothing of ours."""
