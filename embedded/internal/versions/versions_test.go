package versions

import (
	"reflect"
	"runtime/debug"
	"testing"
)

func TestOf(t *testing.T) {
	info := &debug.BuildInfo{
		GoVersion: "go1.2",
		Deps: []*debug.Module{
			{Path: "k8s.io/kubernetes", Version: "v1.0.0"},
			{Path: "k8s.io/api", Version: "v0.1.0"},
		},
		Settings: []debug.BuildSetting{{Key: "GOOS", Value: "plan9"}, {Key: "GOARCH", Value: "riscv64"}},
	}
	want := map[string]string{"go": "go1.2", "os": "plan9", "arch": "riscv64", "kubernetes": "v1.0.0"}
	if got := Of(info); !reflect.DeepEqual(got, want) {
		t.Errorf("Of = %v; want %v", got, want)
	}
}
