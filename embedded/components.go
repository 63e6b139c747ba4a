package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/apiserver/pkg/util/compatibility"
	restclient "k8s.io/client-go/rest"
	"k8s.io/component-base/logs"
)

// A preparer parses a component's arguments and returns what runs it until its context ends.
// The two steps are apart because feature gates are shared by all components of a process: every
// component must have declared and parsed its flags before the first one reads a gate.
type preparer func(ctx context.Context, args []string) (run func() error, err error)

// runControllers runs several components in one process, which saves the memory that each Go runtime,
// scheme and discovery cache would take again.
func runControllers(args []string) int { return runHere(prepareControllers, args) }

// runLabAPIServer runs the API server of the lab's own cluster, whose audit log holds changes only.
// By the name of the program the default roles say who made them: that it is kube-apiserver, as everywhere.
func runLabAPIServer(args []string) int {
	os.Args[0] = "kube-apiserver"
	return runHere(prepareAPIServer, args)
}

// runHere does in this process what the components' own commands do around what they run.
func runHere(prepare preparer, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	restclient.SetDefaultWarningHandler(restclient.NoWarnings{})
	logs.InitLogs()
	defer logs.FlushLogs()
	run, err := prepare(ctx, args)
	if err != nil {
		return fail(err)
	}
	if err := compatibility.DefaultComponentGlobalsRegistry.Set(); err != nil {
		return fail(fmt.Errorf("feature gates: %w", err))
	}
	if err := run(); err != nil && ctx.Err() == nil {
		fail(err)
		return 1 // and not 2: the call was right, starting it again may help
	}
	return 0
}
