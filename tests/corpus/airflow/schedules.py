# Schedules: a cron line, an interval, several times, assets, and limits for the whole DAG.
from datetime import datetime, timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset
from airflow.timetables.interval import CronDataIntervalTimetable

ORDERS, ITEMS = Asset("s3://shop/orders"), Asset("s3://shop/items")
START = datetime(2024, 1, 1)

with DAG("schedule_cron", schedule="15 3 * * 1-5", start_date=START, catchup=False, max_active_runs=1):
    EmptyOperator(task_id="a", outlets=[ORDERS])
with DAG("schedule_interval", schedule=timedelta(hours=6), start_date=START, dagrun_timeout=timedelta(hours=1)):
    EmptyOperator(task_id="a", outlets=[ITEMS])
with DAG("schedule_assets", schedule=(ORDERS & ITEMS), start_date=START, max_active_tasks=2):
    EmptyOperator(task_id="a", inlets=[ORDERS]) >> EmptyOperator(task_id="b")
with DAG(
    "schedule_timetable",
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="Europe/Madrid"),
    start_date=START,
    end_date=datetime(2030, 1, 1),
    fail_fast=True,
):
    EmptyOperator(task_id="a")
