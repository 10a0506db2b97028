"""The text of Claude Code's settings: what is ours in it, and what the client accepts.

Nothing here reads or writes a file.
"""
