"""What the entries of a session say. Nothing here opens a file or takes a lock."""
