"""What Claude Code owns: its settings, with our hooks in them, and its clients."""
