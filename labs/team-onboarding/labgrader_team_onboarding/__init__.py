"""The lab "Onboard a team": its tasks, checks and solutions are data files of this package."""
