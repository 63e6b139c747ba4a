package main

import (
	"context"
	"io"
	"net/http"
	"time"

	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	genericapiserver "k8s.io/apiserver/pkg/server"
	restclient "k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// apiServer is a kube-apiserver inside a process that it shares.
type apiServer struct{ options *options.ServerRunOptions }

func newAPIServer(args []string) (*apiServer, error) {
	s := options.NewServerRunOptions()
	return &apiServer{s}, parse("kube-apiserver", s.Flags(), args)
}

// run serves until ctx ends, and closes ready once the server says that it is.
func (a *apiServer) run(ctx context.Context, ready chan<- struct{}) error {
	if err := applyLogging(a.options.Logs); err != nil {
		return err
	}
	completed, err := a.options.Complete(ctx)
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
	return serve(ctx, config, ready)
}

func serve(ctx context.Context, config *apiserver.Config, ready chan<- struct{}) error {
	complete, err := config.Complete()
	if err != nil {
		return err
	}
	chain, err := apiserver.CreateServerChain(complete)
	if err != nil {
		return err
	}
	announce := func(hook genericapiserver.PostStartHookContext) error {
		go announceReady(hook, hook.LoopbackClientConfig, ready)
		return nil
	}
	if err := chain.GenericAPIServer.AddPostStartHook("labgrader-ready", announce); err != nil {
		return err
	}
	prepared, err := chain.PrepareRun()
	if err != nil {
		return err
	}
	return prepared.Run(ctx)
}

// announceReady asks /readyz until it says yes: controllers that start before that give up after ten seconds.
func announceReady(ctx context.Context, loopback *restclient.Config, ready chan<- struct{}) {
	client, err := restclient.HTTPClientFor(loopback)
	if err != nil {
		return
	}
	for ctx.Err() == nil {
		if isReady(ctx, client, loopback.Host+"/readyz") {
			close(ready)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func isReady(ctx context.Context, client *http.Client, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}
