"""What knows neither Kubernetes nor labs: threads, bounded YAML, errors of this machine."""
