# Order that is written by helpers: chains, crosses, and edges with labels.
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Label, chain, cross_downstream

with DAG("chains", schedule=None, tags=["corpus", "order"], description="Order only."):
    tasks = [EmptyOperator(task_id=f"t{number}") for number in range(8)]
    chain(tasks[0], [tasks[1], tasks[2]], [tasks[3], tasks[4]])
    cross_downstream(tasks[3:5], tasks[5:7])
    tasks[6].set_downstream(tasks[7], edge_modifier=Label("the end"))
