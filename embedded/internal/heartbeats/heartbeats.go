// Package heartbeats chooses which writes of leases are worth recording: enough to tell who renews them.
package heartbeats

import (
	"sync"
	"time"
)

const (
	// A lease is renewed every few seconds: all of it would push everything else out of the log.
	sameWriterAgain = time.Minute
	knownWriter     = 5 * time.Second
	mostLeases      = 64
	mostWriters     = 16
)

// Sample lets the first write of each writer through, one a minute of the same one, and where known writers
// alternate one in five seconds.
type Sample struct {
	mutex  sync.Mutex
	leases map[string]*lease
}

type lease struct {
	writer string
	at     time.Time
	known  map[string]bool
}

// New returns a sample of nothing yet.
func New() *Sample { return &Sample{leases: map[string]*lease{}} }

// Keep says whether a write is to be recorded.
func (s *Sample) Keep(name, writer string, now time.Time) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.leases[name] == nil {
		if len(s.leases) >= mostLeases {
			return false
		}
		s.leases[name] = &lease{known: map[string]bool{}}
	}
	return s.leases[name].keep(writer, now)
}

func (l *lease) keep(writer string, now time.Time) bool {
	if l.known[writer] {
		pause := knownWriter
		if l.writer == writer {
			pause = sameWriterAgain
		}
		if now.Sub(l.at) < pause {
			return false
		}
	} else if len(l.known) >= mostWriters {
		clear(l.known)
	}
	l.writer, l.at, l.known[writer] = writer, now, true
	return true
}
