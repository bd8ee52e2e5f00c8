"""SQL as a front end: programs of SQLFlow statements become workflows of catalogue steps."""
