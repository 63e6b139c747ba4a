// Package versions reads the components' versions out of a build, so that go.mod stays the only place that names them.
package versions

import "runtime/debug"

// moduleOf says which Go module a component's version is that of.
var moduleOf = map[string]string{
	"coredns":        "github.com/coredns/coredns",
	"etcd":           "go.etcd.io/etcd/server/v3",
	"kubernetes":     "k8s.io/kubernetes",
	"kwok":           "sigs.k8s.io/kwok",
	"metrics-server": "sigs.k8s.io/metrics-server",
}

// Of returns component to version, and under go, os and arch what the binary was built with and for.
func Of(info *debug.BuildInfo) map[string]string {
	found := map[string]string{"go": info.GoVersion}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "GOOS":
			found["os"] = setting.Value
		case "GOARCH":
			found["arch"] = setting.Value
		}
	}
	for _, dependency := range info.Deps {
		for name, module := range moduleOf {
			if dependency.Path == module {
				found[name] = dependency.Version
			}
		}
	}
	return found
}
