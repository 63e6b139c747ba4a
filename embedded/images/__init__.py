"""Builds the lab's own images from Debian and PyPI packages, as OCI archives; see build.py."""
