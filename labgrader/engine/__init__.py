"""Grading: reads content, runs checks against a cluster, tells what happened as events.

Imports no UI and no Kubernetes client; the cluster comes in through ``ports.Cluster``.
"""
