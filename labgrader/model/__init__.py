"""Pure data: what a lab is, what a grading found, what can go wrong.

Nothing in this package does I/O or imports anything outside the standard library.
"""
