"""Sessions of other machines: asked for over ssh, and never trusted."""
