"""The learner's progress: timed sessions, kept as append-only events in one SQLite file."""
