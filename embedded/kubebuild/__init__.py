"""The parts of `build.py`: find Go, compile with progress, keep the results, make the wheel.

Standard library only, because they run before anything of the project is installed.
"""
