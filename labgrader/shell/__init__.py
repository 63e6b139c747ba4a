"""The learner's own shell on a cluster."""
