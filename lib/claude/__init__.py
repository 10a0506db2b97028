"""What Claude Code owns: its settings, its clients, and the hooks in them."""
