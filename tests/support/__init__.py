"""Helpers of the tests, and pytest plugins."""
