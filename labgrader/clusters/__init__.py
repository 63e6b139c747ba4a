"""Clusters: how one is reached (``kube``) and where it comes from (the providers)."""
