"""One call from files to files: it reads, lifts, optimizes, lowers, lints and reports."""
