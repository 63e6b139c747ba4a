package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"labgrader.dev/kube/internal/dispatch"
)

// controllers are the components that only need an API server, wherever it runs.
var controllers = map[string]preparer{
	"kube-controller-manager": prepareControllerManager,
	"kube-scheduler":          prepareScheduler,
	"kwok":                    prepareKwok,
}

// user is a component that uses the API server, ready to run.
type user struct {
	name string
	run  func() error
}

// ended tells which component returned, and why.
type ended struct {
	name string
	err  error
}

// prepareControllers parses the arguments of every part; what it returns runs until the first one ends.
func prepareControllers(ctx context.Context, args []string) (func() error, error) {
	parts, err := dispatch.Split(args, slices.Sorted(maps.Keys(controllers)))
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	users := make([]user, 0, len(parts))
	for _, part := range parts {
		run, err := controllers[part.Name](ctx, part.Args)
		if err != nil {
			stop()
			return nil, fmt.Errorf("%s: %w", part.Name, err)
		}
		users = append(users, user{part.Name, run})
	}
	return func() error { return runAll(users, stop) }, nil
}

// runAll runs the users; the first one that ends takes the rest along.
func runAll(users []user, stop context.CancelFunc) error {
	defer stop()
	done := make(chan ended, len(users))
	for _, u := range users {
		go func() { done <- ended{u.name, u.run()} }()
	}
	first := <-done
	stop()
	for range len(users) - 1 {
		<-done
	}
	return first.error()
}

func (e ended) error() error {
	if e.err == nil {
		e.err = errors.New("it returned without an error; its log above says more")
	}
	return fmt.Errorf("%s ended: %w", e.name, e.err)
}
