"""The engine: runs checks against one consistent view of the cluster, and scores what they find."""
