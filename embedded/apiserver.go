package main

import (
	"context"

	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/tools/cache"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// prepareAPIServer does the work of kube-apiserver's own command, which has no place for recordChangesOnly.
func prepareAPIServer(ctx context.Context, args []string) (func() error, error) {
	asked := options.NewServerRunOptions()
	if err := parse("kube-apiserver", asked.Flags(), args); err != nil {
		return nil, err
	}
	return func() error { return serve(ctx, asked) }, nil
}

func serve(ctx context.Context, asked *options.ServerRunOptions) error {
	if err := applyLogging(asked.Logs); err != nil {
		return err
	}
	completed, err := asked.Complete(ctx)
	if err != nil {
		return err
	}
	if errs := completed.Validate(); len(errs) != 0 {
		return utilerrors.NewAggregate(errs)
	}
	if completed.InformerName, err = cache.NewInformerName("kube-apiserver"); err != nil {
		return err
	}
	config, err := apiserver.NewConfig(completed)
	if err != nil {
		return err
	}
	recordChangesOnly(config)
	complete, err := config.Complete()
	if err != nil {
		return err
	}
	chain, err := apiserver.CreateServerChain(complete)
	if err != nil {
		return err
	}
	prepared, err := chain.PrepareRun()
	if err != nil {
		return err
	}
	return prepared.Run(ctx)
}
