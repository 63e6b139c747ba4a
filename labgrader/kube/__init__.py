"""Speaking Kubernetes, without grading: client, kubeconfigs, and how values of the API are read."""
