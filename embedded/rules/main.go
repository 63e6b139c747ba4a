// Labgrader-rules asks Prometheus' own code about alerts and dashboards. One question as JSON on
// standard input, one answer as JSON on standard output; it opens no port and keeps nothing.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"
)

const (
	maxInput  = 32 << 20
	softBytes = 512 << 20
	hardBytes = 4 << 30
	deadline  = 20 * time.Second
)

// Question is what is asked.
type Question struct {
	// Groups is a file of rules, {"groups": […]}.
	Groups json.RawMessage `json:"groups"`
	// Queries are expressions to parse, and to evaluate at the end of every scenario.
	Queries   []string   `json:"queries"`
	Scenarios []Scenario `json:"scenarios"`
	// Targets are relabelled, each by its own rules.
	Targets []Discovered `json:"targets"`
}

// Answer is what is found.
type Answer struct {
	RuleErrors     []string `json:"rule_errors"`
	TemplateErrors []string `json:"template_errors"`
	// Alerts are those of the groups, with what they compare.
	Alerts    []AlertRule  `json:"alerts"`
	Queries   []Parsed     `json:"queries"`
	Scenarios []Outcome    `json:"scenarios"`
	Targets   []Relabelled `json:"targets"`
}

func main() {
	debug.SetMemoryLimit(softBytes)
	limitMemory(hardBytes)
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var question Question
	if err := json.NewDecoder(io.LimitReader(in, maxInput)).Decode(&question); err != nil {
		return fmt.Errorf("the question cannot be read: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	answer, err := answer(ctx, question)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(answer)
}

func answer(ctx context.Context, question Question) (*Answer, error) {
	folder, err := os.MkdirTemp("", "labgrader-rules-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	found := &Answer{
		Queries: parseAll(question.Queries), Targets: relabelAll(question.Targets), Alerts: []AlertRule{},
	}
	file, errs := writeRules(folder, question.Groups)
	found.RuleErrors = errs
	if file != "" && len(errs) == 0 {
		found.TemplateErrors = templateErrors(ctx, file)
		found.Alerts = alertRules(file)
	}
	if len(errs) > 0 {
		file = ""
	}
	gaveUp := map[string]string{}
	for _, scenario := range question.Scenarios {
		if err := scenario.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", scenario.Name, err)
		}
		outcome, err := play(ctx, folder, file, scenario, found.Queries, gaveUp)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", scenario.Name, err)
		}
		found.Scenarios = append(found.Scenarios, *outcome)
	}
	return found, nil
}
