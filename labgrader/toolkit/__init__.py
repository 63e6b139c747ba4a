"""For authors of checks: what Kubernetes objects, scripts and metrics mean. Knows no lab."""
