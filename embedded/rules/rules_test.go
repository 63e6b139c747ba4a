package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func ask(t *testing.T, question string) Answer {
	t.Helper()
	var out bytes.Buffer
	if err := run(strings.NewReader(question), &out); err != nil {
		t.Fatal(err)
	}
	var found Answer
	if err := json.Unmarshal(out.Bytes(), &found); err != nil {
		t.Fatal(err)
	}
	return found
}

const down = `{"groups": {"groups": [{"name": "g", "rules": [
 {"alert": "Down", "expr": "up == 0 or absent(up)", "for": "5m", "annotations": {"a": "%s"}}]}]},
 "queries": ["up", "nothing", "rate(trades_total[5m])", "up ==", "up{job=\"x\"} offset 5m"],
 "scenarios": [{"name": "s", "seconds": 1800, "step": 30, "phases": [
  {"at": 0, "targets": [{"labels": {"job": "x", "namespace": "a"}, "up": true,
    "page": "trades_total{namespace=\"b\"} 1\n", "grow": [{"metric": "trades_total", "rate": 1}]}]},
  {"at": 600, "targets": [{"labels": {"job": "x", "namespace": "a"}, "up": false}]},
  {"at": 1200, "targets": [{"labels": {"job": "x", "namespace": "a"}, "up": true,
    "page": "trades_total{namespace=\"b\"} 1\n", "grow": [{"metric": "trades_total", "rate": 1}]}]}]}]}`

func TestAnAlertFiresAfterItsTimeAndIsResolved(t *testing.T) {
	found := ask(t, strings.Replace(down, "%s", "{{ $labels.job }}", 1))
	alerts := found.Scenarios[0].Alerts
	if len(alerts) != 1 || alerts[0].From != 900 || alerts[0].Until != 1200 {
		t.Fatalf("fired %+v, not from 900 to 1200", alerts)
	}
	if alerts[0].Annotations["a"] != "x" {
		t.Fatalf("the annotation is %q", alerts[0].Annotations["a"])
	}
}

func TestQueriesAreCountedAndSelectorsNamed(t *testing.T) {
	found := ask(t, strings.Replace(down, "%s", "", 1))
	results := found.Scenarios[0].Results
	if results["up"] != 1 || results["nothing"] != 0 || results["rate(trades_total[5m])"] != 1 {
		t.Fatalf("results %v", results)
	}
	if found.Queries[3].Error == "" {
		t.Fatal("an expression that is none was taken")
	}
	if selector := found.Queries[4].Selectors[0]; selector != `up{job="x"}` {
		t.Fatalf("the selector is %s", selector)
	}
}

func TestAScrapeRenamesLabelsThatTheTargetHasItself(t *testing.T) {
	question := strings.Replace(down, "%s", "", 1)
	question = strings.Replace(question, `"up",`, `"trades_total{exported_namespace=\"b\"}",`, 1)
	results := ask(t, question).Scenarios[0].Results
	if results[`trades_total{exported_namespace="b"}`] != 1 {
		t.Fatalf("results %v", results)
	}
}

func TestWhatIsWrongWithRulesIsSaid(t *testing.T) {
	if errs := ask(t, strings.Replace(down, "%s", "{{ .name }}", 1)).TemplateErrors; len(errs) != 1 {
		t.Fatalf("template errors %v", errs)
	}
	if errs := ask(t, strings.Replace(down, "up == 0", "up == ", 1)).RuleErrors; len(errs) == 0 {
		t.Fatal("no error for an expression that is none")
	}
}

func TestAnExpressionThatExplodesIsRefused(t *testing.T) {
	exploding := "count_over_time(up[10y:1s]) > 1"
	question := strings.Replace(down, "up == 0 or absent(up)", exploding, 1)
	question = strings.Replace(question, `"nothing",`, `"`+exploding+`",`, 1)
	found := ask(t, strings.Replace(question, "%s", "", 1))
	if len(found.RuleErrors) != 1 || found.Queries[1].Error == "" {
		t.Fatalf("errors %v and %q", found.RuleErrors, found.Queries[1].Error)
	}
}
