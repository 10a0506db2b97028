"""What the entries of a session say: no folders, no locks."""
