package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/template"
)

// nowhere is where links in alerts lead.
var nowhere = &url.URL{Scheme: "http", Host: "prometheus"}

var quiet = slog.New(slog.DiscardHandler)

// path is where a rule file lies, which is nobody's business but ours.
var path = regexp.MustCompile(`^\S*rules\.json: `)

// writeRules puts the groups into a file, JSON being YAML, and says what is wrong with them.
func writeRules(folder string, groups json.RawMessage) (string, []string) {
	if len(groups) == 0 {
		return "", []string{}
	}
	file := filepath.Join(folder, "rules.json")
	if err := os.WriteFile(file, groups, 0o600); err != nil {
		return "", []string{err.Error()}
	}
	told := []string{}
	read, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, promqlParser, quiet)
	for _, err := range errs {
		told = append(told, path.ReplaceAllString(err.Error(), ""))
	}
	if len(errs) == 0 {
		for _, group := range read.Groups {
			for _, rule := range group.Rules {
				if found := parse(rule.Expr); found.Error != "" {
					told = append(told, rule.Alert+rule.Record+": "+found.Error)
				}
			}
		}
	}
	return file, told
}

// AlertRule is an alert, and what it compares.
type AlertRule struct {
	Alert      string      `json:"alert"`
	Thresholds []Threshold `json:"thresholds"`
}

// alertRules reads what each alert of a file compares; recording rules of the file are followed.
func alertRules(file string) []AlertRule {
	found := []AlertRule{}
	groups, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, promqlParser, quiet)
	if len(errs) > 0 {
		return found
	}
	records := map[string]parser.Expr{}
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			if expr, err := promqlParser.ParseExpr(rule.Expr); err == nil && rule.Record != "" {
				records[rule.Record] = expr
			}
		}
	}
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			expr, err := promqlParser.ParseExpr(rule.Expr)
			if err == nil && rule.Alert != "" {
				found = append(found, AlertRule{rule.Alert, thresholds(expr, records)})
			}
		}
	}
	return found
}

const preamble = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}" +
	"{{$externalURL := .ExternalURL}}{{$value := .Value}}"

// templateErrors renders every annotation and label as Prometheus would when its alert fires.
func templateErrors(ctx context.Context, file string) []string {
	told := []string{}
	groups, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, promqlParser, quiet)
	if len(errs) > 0 {
		return told
	}
	none := func(context.Context, string, time.Time) (promql.Vector, error) { return nil, nil }
	data := template.AlertTemplateData(map[string]string{}, map[string]string{}, "", promql.Sample{})
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			for _, texts := range []map[string]string{rule.Annotations, rule.Labels} {
				for name, text := range texts {
					expander := template.NewTemplateExpander(ctx, preamble+text, rule.Alert, data,
						model.Time(0), none, nowhere, nil)
					if _, err := expander.Expand(); err != nil {
						told = append(told, rule.Alert+": "+name+": "+err.Error())
					}
				}
			}
		}
	}
	return told
}
