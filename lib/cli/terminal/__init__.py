"""Text that fits a terminal: width, tables, progress, a screen that is redrawn."""
