"""Runbooks: sections and commands parsed from Markdown, and the commands tried."""
