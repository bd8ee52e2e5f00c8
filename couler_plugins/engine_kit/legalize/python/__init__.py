"""Steps that are functions of Python: read from their source, held as operations, and written for each engine."""
