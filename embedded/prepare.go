package main

import (
	"context"
	"sync"

	"github.com/spf13/pflag"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	cliflag "k8s.io/component-base/cli/flag"
	logsapi "k8s.io/component-base/logs/api/v1"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	controlleroptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	scheduleroptions "k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

// The cobra commands of these components each install a signal handler, and a second one panics.
// What follows does their work one level below.

func prepareControllerManager(ctx context.Context, args []string) (func() error, error) {
	options, err := controlleroptions.NewKubeControllerManagerOptions()
	if err != nil {
		return nil, err
	}
	known, disabled := controllermanager.KnownControllers(), controllermanager.ControllersDisabledByDefault()
	aliases := controllermanager.ControllerAliases()
	sets := options.Flags(known, disabled, aliases)
	options.ParsedFlags = &sets
	if err := parse("kube-controller-manager", sets, args); err != nil {
		return nil, err
	}
	return func() error {
		if err := applyLogging(options.Logs); err != nil {
			return err
		}
		config, err := options.Config(ctx, known, disabled, aliases)
		if err != nil {
			return err
		}
		return controllermanager.Run(ctx, config.Complete())
	}, nil
}

func prepareScheduler(ctx context.Context, args []string) (func() error, error) {
	options := scheduleroptions.NewOptions()
	if err := parse("kube-scheduler", *options.Flags, args); err != nil {
		return nil, err
	}
	return func() error {
		if err := applyLogging(options.Logs); err != nil {
			return err
		}
		config, scheduling, err := scheduler.Setup(ctx, options)
		if err != nil {
			return err
		}
		return scheduler.Run(ctx, config, scheduling)
	}, nil
}

// parse sets a component's options from its arguments, as its command would.
func parse(name string, sets cliflag.NamedFlagSets, args []string) error {
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	flags.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	flags.Usage = func() {}
	for _, set := range sets.FlagSets {
		flags.AddFlagSet(set)
	}
	return flags.Parse(args)
}

// loggingApplied makes the first component's --v the one of the process: klog has one level only.
var loggingApplied sync.Once

func applyLogging(config *logsapi.LoggingConfiguration) (err error) {
	loggingApplied.Do(func() { err = logsapi.ValidateAndApply(config, utilfeature.DefaultFeatureGate) })
	return err
}
