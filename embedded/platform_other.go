//go:build !linux

package main

import "labgrader.dev/kube/internal/dispatch"

// platformComponents is empty where kubelet, kube-proxy and what runs beside them do not build.
func platformComponents() []dispatch.Component { return nil }
