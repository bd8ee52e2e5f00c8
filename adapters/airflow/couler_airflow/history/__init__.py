"""Past runs of DAGs, from the API or the database of Airflow."""
