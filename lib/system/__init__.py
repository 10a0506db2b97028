"""What the operating system provides: processes, private files, renames, git."""
