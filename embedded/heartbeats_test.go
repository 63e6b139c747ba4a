package main

import (
	"testing"
	"time"

	authnv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	auditapi "k8s.io/apiserver/pkg/apis/audit"
)

func written(resource, writer string, code int32, second int) *auditapi.Event {
	return &auditapi.Event{
		Verb:           "update",
		User:           authnv1.UserInfo{Username: writer},
		ObjectRef:      &auditapi.ObjectReference{APIGroup: "coordination.k8s.io", Resource: resource, Name: "lead"},
		ResponseStatus: &metav1.Status{Code: code},
		StageTimestamp: metav1.NewMicroTime(time.Unix(int64(second), 0)),
	}
}

func kept(h *heartbeats, writer string, from, to, step int) (count int) {
	for second := from; second < to; second += step {
		if h.keep(written("leases", writer, 200, second)) {
			count++
		}
	}
	return count
}

func TestOneRenewalAMinuteIsKeptOfTheSameWriter(t *testing.T) {
	h := newHeartbeats()
	if found := kept(h, "one", 0, 3600, 2); found != 60 {
		t.Fatalf("%d renewals of an hour are kept", found)
	}
}

func TestAChangeOfWriterIsKeptAndAlternationBounded(t *testing.T) {
	h := newHeartbeats()
	h.keep(written("leases", "one", 200, 0))
	if !h.keep(written("leases", "two", 200, 1)) {
		t.Fatal("another writer is not recorded")
	}
	count := 0
	for second := 7; second < 67; second++ {
		if h.keep(written("leases", []string{"one", "two"}[second%2], 200, second)) {
			count++
		}
	}
	if count < 8 || count > 12 {
		t.Fatalf("%d writes of a minute are kept", count)
	}
}

func TestWhatFailsIsNoRenewalAndOtherKindsAreKept(t *testing.T) {
	h := newHeartbeats()
	if h.keep(written("leases", "one", 409, 0)) {
		t.Fatal("a conflict is recorded")
	}
	for second := range 3 {
		if !h.keep(written("leasecandidates", "one", 200, second)) {
			t.Fatal("another kind is sampled")
		}
	}
}
