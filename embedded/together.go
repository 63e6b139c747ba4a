package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"k8s.io/apiserver/pkg/util/compatibility"
	restclient "k8s.io/client-go/rest"
	"k8s.io/component-base/logs"

	"labgrader.dev/kube/internal/dispatch"
)

// A preparer parses a component's arguments and returns what runs it until its context ends.
// The two steps are apart because feature gates are shared by all components of a process: every
// component must have declared and parsed its flags before the first one reads a gate.
type preparer func(ctx context.Context, args []string) (run func() error, err error)

// controllers are the components that only need an API server, wherever it runs.
var controllers = map[string]preparer{
	"kube-controller-manager": prepareControllerManager,
	"kube-scheduler":          prepareScheduler,
	"kwok":                    prepareKwok,
}

// servers are the components that the controllers wait for, in the order in which they must start.
var servers = []string{"etcd", "kube-apiserver"}

func runControllers(args []string) int {
	return runTogether(args, controllerNames())
}

func runControlPlane(args []string) int {
	return runTogether(args, append(slices.Clone(servers), controllerNames()...))
}

func controllerNames() []string {
	return []string{"kube-controller-manager", "kube-scheduler", "kwok"}
}

// runTogether runs several components in one process, which saves the memory that each Go runtime,
// scheme and discovery cache would take again. The first component that ends takes the rest along.
func runTogether(args, allowed []string) int {
	parts, err := dispatch.Split(args, allowed)
	if err != nil {
		return fail(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	restclient.SetDefaultWarningHandler(restclient.NoWarnings{})
	logs.InitLogs()
	defer logs.FlushLogs()
	plane := newPlane(ctx)
	if err := plane.prepare(parts); err != nil {
		return fail(err)
	}
	if err := compatibility.DefaultComponentGlobalsRegistry.Set(); err != nil {
		return fail(fmt.Errorf("feature gates: %w", err))
	}
	if err := plane.run(); err != nil && ctx.Err() == nil {
		fail(err)
		return 1 // and not 2: the call was right, starting it again may help
	}
	return 0
}
