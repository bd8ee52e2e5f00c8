"""What adapters share: writing documents, Kubernetes, CRDs, the JSON form, and workflows of other engines."""
