"""The checks of this lab. They are loaded as `labgrader_labs.<id>.checks`, never as `checks`.

A file here declares the checks of one subject; what several files need is in `_shared/`. They
import `labgrader.api` and `labgrader.toolkit` alone, and each other relatively.
"""
