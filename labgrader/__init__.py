"""labgrader: grades and teaches the Kubernetes operator lab on a live cluster.

This module imports nothing, so that ``labgrader --version`` stays instant.
"""

__version__ = "0.1.0"
