"""Find and read what a call gets: files, folders, globs, texts and mappings."""
