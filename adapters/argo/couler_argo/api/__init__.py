"""How a Kubernetes API server is reached and asked."""
