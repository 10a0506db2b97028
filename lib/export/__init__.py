"""Every entry of every session, live and archived, each once, for other programs."""
