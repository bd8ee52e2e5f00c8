"""Call HTTP APIs, and take credentials out of texts."""
