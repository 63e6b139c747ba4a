package main

import (
	"sync"
	"time"

	auditapi "k8s.io/apiserver/pkg/apis/audit"
)

const (
	// A lease is renewed every few seconds: all of it would push everything else out of the log.
	sameWriterAgain = time.Minute
	knownWriter     = 5 * time.Second
	mostLeases      = 64
	mostWriters     = 16
)

// heartbeats lets enough writes of leases through to tell who renews them: the first of each writer, one a
// minute of the same one, and where known writers alternate one in five seconds.
type heartbeats struct {
	mutex  sync.Mutex
	leases map[string]*lease
}

type lease struct {
	writer string
	at     time.Time
	known  map[string]bool
}

func newHeartbeats() *heartbeats { return &heartbeats{leases: map[string]*lease{}} }

// keep says whether an event is to be recorded. Events of other kinds always are.
func (h *heartbeats) keep(event *auditapi.Event) bool {
	about := event.ObjectRef
	if about == nil || about.Resource != "leases" || about.APIGroup != "coordination.k8s.io" {
		return true
	}
	if event.ResponseStatus == nil || event.ResponseStatus.Code >= 300 {
		return false
	}
	if event.Verb == "delete" || event.Verb == "deletecollection" {
		return true
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	key := about.Namespace + "/" + about.Name
	if h.leases[key] == nil {
		if len(h.leases) >= mostLeases {
			return false
		}
		h.leases[key] = &lease{known: map[string]bool{}}
	}
	return h.leases[key].keep(writerOf(event), event.StageTimestamp.Time)
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

// writerOf tells pods of one account apart: the tokens of pods name them.
func writerOf(event *auditapi.Event) string {
	writer := event.User.Username
	for _, uid := range event.User.Extra["authentication.kubernetes.io/pod-uid"] {
		writer += " " + uid
	}
	return writer
}
