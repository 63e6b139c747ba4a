"""The tests; fixtures of all of them are in conftest.py, helpers in support/."""
