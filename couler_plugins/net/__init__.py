"""HTTP APIs: calls of them, and redaction of credentials in texts."""
