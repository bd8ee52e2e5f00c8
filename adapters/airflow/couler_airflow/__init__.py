"""Airflow: its DAGs as workflows, and results that its tasks need not compute again."""
