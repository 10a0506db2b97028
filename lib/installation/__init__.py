"""What `lib/installer.py` puts on the machine beside the settings."""
