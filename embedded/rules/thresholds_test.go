package main

import (
	"encoding/json"
	"math"
	"testing"
)

func TestThresholdsAreReadInTheUnitOfTheRate(t *testing.T) {
	for expr, wanted := range map[string]Threshold{
		"sum(rate(e[5m])) > 0.1":                               {0.1, ">", true, false},
		"60 * sum(rate(e[5m])) > 6":                            {0.1, ">", true, false},
		"sum(rate(e[5m])) * 60 >= 12 / 2":                      {0.1, ">=", true, false},
		"6 < 60 * rate(e[5m])":                                 {0.1, ">", true, false},
		"increase(e[5m]) > 30":                                 {0.1, ">", true, false},
		"sum by (a) (increase(e[2m])) / 120 > 0.1":             {0.1, ">", true, false},
		"rate(e[5m]) - 0.1 > 0":                                {0.1, ">", true, false},
		"-rate(e[5m]) < -0.1":                                  {0.1, ">", true, false},
		"rate(a[5m]) + rate(b[5m]) > 0.1":                      {0.1, ">", true, false},
		"max_over_time(rate(e[5m])[10m:1m]) > 0.1":             {0.1, ">", true, false},
		"rate(e[5m]) > on() vector(0.1)":                       {0.1, ">", true, false},
		"sum(rate(e[5m])) / sum(rate(a[5m])) > 0.1":            {0.1, ">", false, true},
		"label_replace(ready, \"a\", \"b\", \"c\", \"d\") < 1": {1, "<", false, false},
	} {
		found := parse(expr).Thresholds
		if len(found) != 1 {
			t.Fatalf("%s compares %v", expr, found)
		}
		one := found[0]
		if math.Abs(one.Value-wanted.Value) > 1e-9 || one.Op != wanted.Op ||
			one.Rate != wanted.Rate || one.Ratio != wanted.Ratio {
			t.Errorf("%s compares %+v", expr, one)
		}
	}
	for _, expr := range []string{"rate(a[5m]) > rate(b[5m])", "count(e) > 1", "absent(e)", "e * e > 1"} {
		if found := parse(expr).Thresholds; len(found) != 0 {
			t.Errorf("%s compares %+v", expr, found)
		}
	}
}

func TestAnAlertIsReadThroughRecordingRules(t *testing.T) {
	found := ask(t, `{"groups": {"groups": [{"name": "g", "rules": [
	 {"record": "job:e:rate5m", "expr": "60 * sum(rate(e[5m]))"},
	 {"alert": "A", "expr": "job:e:rate5m > 6"}]}]}}`)
	if len(found.Alerts) != 1 || len(found.Alerts[0].Thresholds) != 1 {
		t.Fatalf("alerts %+v", found.Alerts)
	}
	if one := found.Alerts[0].Thresholds[0]; !one.Rate || math.Abs(one.Value-0.1) > 1e-9 {
		t.Fatalf("it compares %+v", one)
	}
}

func TestACounterIsBareUnlessSomethingIsMadeOfIt(t *testing.T) {
	for expr, bare := range map[string]bool{
		"e_total":                               true,
		"sum(e_total)":                          true,
		"histogram_quantile(0.9, e_total)":      true,
		"rate(e_total[5m])":                     false,
		"sum(increase(e_total[1h]))":            false,
		"count(e_total)":                        false,
		"absent(e_total)":                       false,
		"e_total - e_total offset 1h":           false,
		"up unless e_total":                     false,
		"max_over_time(rate(e_total[5m])[1h:])": false,
	} {
		found := parse(expr)
		for at, name := range found.Names {
			if name == "e_total" && found.Bare[at] != bare {
				t.Errorf("%s: bare is %v", expr, found.Bare[at])
			}
		}
	}
}

func TestTargetsAreRelabelled(t *testing.T) {
	raw := func(text string) json.RawMessage { return json.RawMessage(text) }
	labels := map[string]string{"__address__": "a:1", "job": "x", "__meta_kubernetes_namespace": "lab"}
	found := relabelAll([]Discovered{
		{Labels: labels, Relabel: raw(`[{"action": "replace", "target_label": "job", "regex": "(.*)",
		  "separator": ";", "replacement": "y"}]`)},
		{Labels: labels, Relabel: raw(`[{"action": "drop", "source_labels": ["__meta_kubernetes_namespace"],
		  "separator": ";", "regex": "l.*"}]`)},
		{Labels: labels, Relabel: raw(`[{"action": "replace", "regex": "("}]`)},
		{Labels: labels, MetricRelabel: raw(`[{"action": "hashmod"}]`)},
	})
	if !found[0].Kept || found[0].Labels["job"] != "y" || found[1].Kept {
		t.Fatalf("targets %+v", found)
	}
	if found[2].Error == "" || found[3].Error == "" {
		t.Fatalf("mistakes are not told: %+v", found)
	}
}

func TestAScrapeOverItsLimitFailsAsAWhole(t *testing.T) {
	found := ask(t, `{"queries": ["up == 1", "a"], "scenarios": [{"name": "s", "seconds": 60, "step": 30,
	 "phases": [{"at": 0, "targets": [{"labels": {"job": "x"}, "up": true, "sample_limit": 1,
	  "page": "a 1\nb 1\n"}]}]}]}`)
	results := found.Scenarios[0].Results
	if results["up == 1"] != 0 || results["a"] != 0 {
		t.Fatalf("results %v", results)
	}
}
