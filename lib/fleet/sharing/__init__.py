"""Shares this store with other machines, through the server."""
