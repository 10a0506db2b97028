"""Sessions of many machines, shared through a Redis or Valkey server."""
