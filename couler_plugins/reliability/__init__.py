"""Causes of failures, and the retries and timeouts that follow from them."""
