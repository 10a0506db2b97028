"""Many sessions at once, as data: nothing here knows a terminal."""
