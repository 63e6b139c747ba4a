package main

import (
	"encoding/json"
	"errors"
	"os"
	"runtime/debug"

	"labgrader.dev/kube/internal/versions"
)

// printVersions prints one JSON object: component to version, and what it was built with and for.
func printVersions([]string) int {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return fail(errors.New("the binary carries no module versions: build it with embedded/build.py"))
	}
	if err := json.NewEncoder(os.Stdout).Encode(versions.Of(info)); err != nil {
		return fail(err)
	}
	return 0
}
