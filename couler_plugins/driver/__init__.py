"""One call from files to files: reading, lifting, optimizing, lowering, lint and reports."""
