"""The embedded Kubernetes: a real control plane with simulated nodes, no root, no Docker.

Deliberately imports nothing: the supervisor of every cluster imports this package and stays small.
"""
