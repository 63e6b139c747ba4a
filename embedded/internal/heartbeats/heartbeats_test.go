package heartbeats

import (
	"fmt"
	"testing"
	"time"
)

func at(second int) time.Time { return time.Unix(int64(second), 0) }

func TestOneWriteAMinuteIsKeptOfTheSameWriter(t *testing.T) {
	sample, count := New(), 0
	for second := 0; second < 3600; second += 2 {
		if sample.Keep("lead", "one", at(second)) {
			count++
		}
	}
	if count != 60 {
		t.Fatalf("%d writes of an hour are kept", count)
	}
}

func TestAnotherWriterIsKeptAtOnceAndAlternationBounded(t *testing.T) {
	sample, count := New(), 0
	sample.Keep("lead", "one", at(0))
	if !sample.Keep("lead", "two", at(1)) {
		t.Fatal("another writer is not recorded")
	}
	for second := 7; second < 67; second++ {
		if sample.Keep("lead", []string{"one", "two"}[second%2], at(second)) {
			count++
		}
	}
	if count < 8 || count > 12 {
		t.Fatalf("%d writes of a minute are kept", count)
	}
}

func TestManyLeasesAreNotAllRemembered(t *testing.T) {
	sample, count := New(), 0
	for number := range 1000 {
		if sample.Keep(fmt.Sprint(number), "one", at(0)) {
			count++
		}
	}
	if count != mostLeases {
		t.Fatalf("%d leases are sampled", count)
	}
}
