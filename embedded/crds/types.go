// Package crds names the Go types whose CustomResourceDefinitions controller-gen writes at build time.
//
// A module of its own: the generator and these types must not decide any version inside the binary.
package crds

import _ "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1" // ServiceMonitor, PrometheusRule
