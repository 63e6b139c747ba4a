"""The one error of the build, so that every failure ends as one line and not as a traceback."""


class BuildError(Exception):
    """What went wrong, where, and what to do next, in one line."""
