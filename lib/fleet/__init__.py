"""Sessions of other machines: asked for over ssh or shared, and never trusted."""
