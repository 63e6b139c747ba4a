"""Prometheus: ServiceMonitors, metrics pages, alerting rules and their thresholds."""
