"""JSON form of the IR: files of workflows that belong to no engine."""
