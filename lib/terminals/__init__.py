"""The terminals that people use: where a session runs, and how to get there."""
