"""The screens: the lab itself, and the windows over it."""
