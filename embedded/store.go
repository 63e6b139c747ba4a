package main

import (
	"errors"
	"flag"

	"go.etcd.io/etcd/pkg/v3/flags"
	"go.etcd.io/etcd/server/v3/embed"
)

// store is an etcd inside a process that it shares.
type store struct {
	config *embed.Config
	etcd   *embed.Etcd
}

// newStore parses the flags of etcd that a single member needs.
// etcd keeps what turns its URL flags into its configuration to its own main, hence the second half.
func newStore(args []string) (*store, error) {
	config := embed.NewConfig()
	set := flag.NewFlagSet("etcd", flag.ContinueOnError)
	config.AddFlags(set)
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	if set.NArg() > 0 {
		return nil, errors.New("it takes flags only, not " + set.Arg(0))
	}
	config.ListenPeerUrls = flags.UniqueURLsFromFlag(set, "listen-peer-urls")
	config.AdvertisePeerUrls = flags.UniqueURLsFromFlag(set, "initial-advertise-peer-urls")
	config.ListenClientUrls = flags.UniqueURLsFromFlag(set, "listen-client-urls")
	config.AdvertiseClientUrls = flags.UniqueURLsFromFlag(set, "advertise-client-urls")
	if err := config.Validate(); err != nil {
		return nil, err
	}
	return &store{config: config}, nil
}

// start returns when the store answers, or why it cannot.
func (s *store) start(done chan<- ended) error {
	s.config.SetupGlobalLoggers()
	etcd, err := embed.StartEtcd(s.config)
	if err != nil {
		return err
	}
	s.etcd = etcd
	select {
	case <-etcd.Server.ReadyNotify():
	case <-etcd.Server.StopNotify():
		return errors.New("it stopped while it started")
	}
	go func() { done <- ended{"etcd", <-etcd.Err()} }()
	return nil
}

func (s *store) close() { s.etcd.Close() }
