"""Access to the operating system: processes, deadlines, private files, git."""
