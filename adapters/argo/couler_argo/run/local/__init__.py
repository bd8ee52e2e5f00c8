"""What Argo's workflows mean, for running them without a cluster."""
