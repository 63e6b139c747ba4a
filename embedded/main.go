// Command labgrader-kube is a whole Kubernetes control plane, its tools and its simulated nodes in one file.
//
// One file, because the components share most of their code: seven of them take 160 MB as one and
// 476 MB as seven, and the pages of a shared file are in memory once.
package main

import (
	"fmt"
	"os"

	"labgrader.dev/kube/internal/dispatch"
	"labgrader.dev/kube/internal/lifeline"
)

func main() {
	if err := lifeline.Hold(); err != nil {
		os.Exit(fail(err))
	}
	component, args, err := dispatch.Pick(components(), os.Args)
	if err != nil {
		os.Exit(fail(err))
	}
	// Every component parses the arguments of a process of its own; some read them again later.
	os.Args = append([]string{component.Name}, args...)
	if component.Name != "coredns" {
		hideForeignFlags()
	}
	os.Exit(component.Run(args))
}

// components lists what this build can run; platformComponents adds what only this system can.
func components() []dispatch.Component {
	common := []dispatch.Component{
		{Name: "etcd", Run: runEtcd},
		{Name: "kube-apiserver", Run: runAPIServer},
		{Name: "lab-apiserver", Run: runLabAPIServer},
		{Name: "kube-controller-manager", Run: runControllerManager},
		{Name: "kube-scheduler", Run: runScheduler},
		{Name: "kubectl", Run: runKubectl},
		{Name: "kwok", Run: runKwok},
		{Name: "kwok-stages", Run: printStages},
		{Name: "controllers", Run: runControllers},
		{Name: "version", Run: printVersions},
	}
	return append(common, platformComponents()...)
}

// fail says on one line why the binary itself could not do what it was asked, and returns the code for a wrong call.
func fail(err error) int {
	fmt.Fprintln(os.Stderr, "labgrader-kube:", err)
	return 2
}
