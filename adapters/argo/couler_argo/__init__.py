"""Argo Workflows: lift manifests into the IR, lower them back."""
