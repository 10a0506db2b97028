"""Where sessions are kept: their files, the archive, what reads and changes them."""
