"""For people who write labs: rules, tests of the checks themselves, skeletons.

Stands beside the TUI: uses the workbench, is used by the CLI alone.
"""
