"""Kubeflow Pipelines: lift compiled pipelines into the IR, lower them back."""
