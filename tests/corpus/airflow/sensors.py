# Sensors: for time, for a file, by a function, and in another mode.
from datetime import timedelta

from airflow.providers.standard.sensors.bash import BashSensor
from airflow.providers.standard.sensors.filesystem import FileSensor
from airflow.providers.standard.sensors.python import PythonSensor
from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor
from airflow.sdk import DAG, PokeReturnValue, task

with DAG("sensors", schedule="@hourly", catchup=False):
    wait = TimeDeltaSensor(task_id="wait", delta=timedelta(seconds=5))
    file = FileSensor(task_id="file", filepath="/data/{{ ds }}.csv", poke_interval=30, mode="reschedule")
    asked = PythonSensor(task_id="asked", python_callable=lambda: True, soft_fail=True)
    shell = BashSensor(task_id="shell", bash_command="test -e /data/ready", timeout=600)

    @task.sensor(poke_interval=10, timeout=60)
    def value() -> PokeReturnValue:
        return PokeReturnValue(is_done=True, xcom_value=3)

    [wait, file, asked, shell] >> value()
