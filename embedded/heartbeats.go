package main

import (
	auditapi "k8s.io/apiserver/pkg/apis/audit"

	"labgrader.dev/kube/internal/heartbeats"
)

// leases chooses which events about leases are recorded. Events of other kinds always are.
type leases struct{ sample *heartbeats.Sample }

func (l leases) keep(event *auditapi.Event) bool {
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
	return l.sample.Keep(about.Namespace+"/"+about.Name, writerOf(event), event.StageTimestamp.Time)
}

// writerOf tells pods of one account apart: the tokens of pods name them.
func writerOf(event *auditapi.Event) string {
	writer := event.User.Username
	for _, uid := range event.User.Extra["authentication.kubernetes.io/pod-uid"] {
		writer += " " + uid
	}
	return writer
}
