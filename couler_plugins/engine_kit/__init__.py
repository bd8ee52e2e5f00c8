"""Kit for adapters: lifting, lowering and texts of documents, Kubernetes, CRDs, the JSON form, and legalization."""
