"""Kit for adapters: document texts, Kubernetes, CRDs, the JSON form, and legalization for other engines."""
