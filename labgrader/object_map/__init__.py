"""The map of the objects of a lab: watched, placed, and drawn as a tree."""
