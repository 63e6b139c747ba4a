package main

import (
	"context"
	"errors"
	"fmt"

	"labgrader.dev/kube/internal/dispatch"
)

// plane is the components of one process: a store, an API server, and those that use them.
type plane struct {
	ctx    context.Context
	stop   context.CancelFunc
	store  *store
	server *apiServer
	users  []user
}

type user struct {
	name string
	run  func() error
}

// ended tells which component returned, and why.
type ended struct {
	name string
	err  error
}

func newPlane(ctx context.Context) *plane {
	ctx, stop := context.WithCancel(ctx)
	return &plane{ctx: ctx, stop: stop}
}

// prepare parses the arguments of every part; nothing runs yet.
func (p *plane) prepare(parts []dispatch.Part) error {
	for _, part := range parts {
		var err error
		switch part.Name {
		case "etcd":
			p.store, err = newStore(part.Args)
		case "kube-apiserver":
			p.server, err = newAPIServer(part.Args)
		default:
			var run func() error
			run, err = controllers[part.Name](p.ctx, part.Args)
			p.users = append(p.users, user{part.Name, run})
		}
		if err != nil {
			return fmt.Errorf("%s: %w", part.Name, err)
		}
	}
	return nil
}

// run starts store, server and users in this order and stops them in the other one:
// an API server that has lost its store spends its shutdown on retries.
func (p *plane) run() error {
	defer p.stop()
	done := make(chan ended, len(p.users)+2)
	if p.store != nil {
		if err := p.store.start(done); err != nil {
			return fmt.Errorf("etcd ended: %w", err)
		}
		defer p.store.close()
	}
	running := 0
	if p.server != nil {
		running++
		if first := p.startServer(done); first != nil {
			return first
		}
	}
	for _, u := range p.users {
		running++
		go func() { done <- ended{u.name, u.run()} }()
	}
	first := <-done
	p.stop()
	for ; running > 1; running-- {
		<-done
	}
	return first.error()
}

// startServer returns when the API server is ready, or with the reason why it never will be.
func (p *plane) startServer(done chan ended) error {
	ready := make(chan struct{})
	go func() { done <- ended{"kube-apiserver", p.server.run(p.ctx, ready)} }()
	select {
	case <-ready:
		return nil
	case first := <-done:
		return first.error()
	}
}

func (e ended) error() error {
	if e.err == nil {
		e.err = errors.New("it returned without an error; its log above says more")
	}
	return fmt.Errorf("%s ended: %w", e.name, e.err)
}
