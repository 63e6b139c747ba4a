// Command print shows the versions inside a labgrader-kube binary without starting it,
// because a binary built for another system cannot be started here.
package main

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"

	"labgrader.dev/kube/internal/versions"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "print: one argument is needed, the binary to read")
		os.Exit(2)
	}
	info, err := buildinfo.ReadFile(os.Args[1])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(versions.Of(info))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "print:", err)
		os.Exit(1)
	}
}
