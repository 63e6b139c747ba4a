package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/pflag"
	nodefast "sigs.k8s.io/kwok/kustomize/stage/node/fast"
	nodelease "sigs.k8s.io/kwok/kustomize/stage/node/heartbeat-with-lease"
	podfast "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
	kwokconfig "sigs.k8s.io/kwok/pkg/config"
	kwokcmd "sigs.k8s.io/kwok/pkg/kwok/cmd"
	kwoklog "sigs.k8s.io/kwok/pkg/log"
)

// stages returns what simulated nodes and pods go through: ready at once, jobs complete at once.
// kwok does nothing without stages, and its own are normally downloaded.
func stages() string {
	return strings.Join([]string{
		nodefast.DefaultNodeInit,
		nodelease.DefaultNodeHeartbeatWithLease,
		podfast.DefaultPodReady,
		podfast.DefaultPodComplete,
		podfast.DefaultPodDelete,
	}, "\n---\n")
}

// printStages prints the stages that kwok plays when it gets no --config, as a start for own ones.
func printStages([]string) int {
	fmt.Println(stages())
	return 0
}

func runKwok(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run, err := prepareKwok(ctx, args)
	if err == nil {
		err = run()
	}
	if err != nil && ctx.Err() == nil {
		fail(fmt.Errorf("kwok ended: %w", err))
		return 1
	}
	return 0
}

// prepareKwok reads kwok's configuration, which kwok's own main does before it makes its command.
func prepareKwok(ctx context.Context, args []string) (func() error, error) {
	// A lab must not change with the configuration that the learner's own kwok keeps at home.
	kwokconfig.WorkDir = os.DevNull
	// Cobra merges the process-wide flags into kwok's, where Kubernetes' --version is not the yes or no it expects.
	pflag.CommandLine = pflag.NewFlagSet("kwok", pflag.ContinueOnError)
	args, forget, err := withStages(args)
	if err != nil {
		return nil, err
	}
	defer forget()
	defer swapArgs(append([]string{"kwok"}, args...))()
	flags := pflag.NewFlagSet("global", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	ctx, _ = kwoklog.InitFlags(ctx, flags)
	ctx, err = kwokconfig.InitFlags(ctx, flags)
	if err != nil {
		return nil, fmt.Errorf("kwok's configuration: %w", err)
	}
	return func() error {
		command := kwokcmd.NewCommand(ctx)
		command.PersistentFlags().AddFlagSet(flags)
		command.SetArgs(args)
		return command.ExecuteContext(ctx)
	}, nil
}

// withStages adds the built-in stages, as a file that exists until forget is called, if args name no --config.
func withStages(args []string) (out []string, forget func(), err error) {
	for _, arg := range args {
		if name, _, _ := strings.Cut(arg, "="); name == "--config" || name == "-c" {
			return args, func() {}, nil
		}
	}
	file, err := os.CreateTemp("", "labgrader-stages-*.yaml")
	if err != nil {
		return nil, nil, fmt.Errorf("kwok's stages: %w", err)
	}
	forget = func() { _ = os.Remove(file.Name()) }
	_, err = file.WriteString(stages())
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		forget()
		return nil, nil, fmt.Errorf("kwok's stages: %w", err)
	}
	return append(args, "--config="+file.Name()), forget, nil
}

// swapArgs sets the process' arguments, which kwok reads by itself, and returns what sets them back.
func swapArgs(args []string) (restore func()) {
	before := os.Args
	os.Args = args
	return func() { os.Args = before }
}
