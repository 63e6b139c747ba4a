package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"sort"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/tsdb"
)

const (
	maxSamples   = 5_000_000
	queryTimeout = time.Second
	maxAlerts    = 200
	maxSteps     = 2_000
)

// begin is when every scenario begins; any time would do.
var begin = time.Unix(1_700_000_000, 0).UTC()

// Scenario is what happens to the targets, from second to second.
type Scenario struct {
	Name    string `json:"name"`
	Seconds int    `json:"seconds"`
	// Step is the interval of scrapes and of evaluations, in seconds.
	Step   int     `json:"step"`
	Phases []Phase `json:"phases"`
}

// Phase begins at a second, and lasts until the next one does.
type Phase struct {
	At      int      `json:"at"`
	Targets []Target `json:"targets"`
}

// Outcome is what came of a scenario.
type Outcome struct {
	Name   string  `json:"name"`
	Alerts []Fired `json:"alerts"`
	// Errors are those of rules that could not be evaluated, by their names.
	Errors map[string]string `json:"errors"`
	// Results says how many series each query, and each of its selectors, gave at the end.
	Results map[string]int `json:"results"`
}

// Fired is an alert from its firing until it was resolved (-1: it was not).
type Fired struct {
	Alert       string            `json:"alert"`
	From        int               `json:"from"`
	Until       int               `json:"until"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// check says what is wrong with a scenario, and completes what JSON does not carry.
func (s Scenario) check() error {
	if s.Step < 1 || s.Seconds/s.Step > maxSteps {
		return fmt.Errorf("%d seconds in steps of %d are out of bounds", s.Seconds, s.Step)
	}
	for _, phase := range s.Phases {
		for _, target := range phase.Targets {
			for _, config := range target.Relabel {
				if err := config.Validate(model.UTF8Validation); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

type stage struct {
	db       *tsdb.DB
	engine   *promql.Engine
	groups   []*rules.Group
	scrapers []*scraper
	firing   map[string]*Fired
	outcome  *Outcome
	// gaveUp are the rules that took too long in an earlier scenario, and why.
	gaveUp map[string]string
}

// play runs a scenario step by step: a scrape of each target, then an evaluation of each group.
func play(
	ctx context.Context, folder, file string, told Scenario, queries []Parsed, gaveUp map[string]string,
) (*Outcome, error) {
	stage, err := newStage(ctx, folder, file, told)
	if err != nil {
		return nil, err
	}
	defer stage.db.Close()
	stage.gaveUp = gaveUp
	for second := 0; second <= told.Seconds; second += told.Step {
		if err := stage.step(ctx, told, second); err != nil {
			return nil, err
		}
	}
	stage.query(ctx, queries, begin.Add(time.Duration(told.Seconds)*time.Second))
	for _, fired := range stage.firing {
		stage.outcome.Alerts = append(stage.outcome.Alerts, *fired)
	}
	sort.Slice(stage.outcome.Alerts, func(i, j int) bool {
		return stage.outcome.Alerts[i].From < stage.outcome.Alerts[j].From
	})
	return stage.outcome, nil
}

func newStage(ctx context.Context, folder, file string, told Scenario) (*stage, error) {
	options := tsdb.DefaultOptions()
	options.WALSegmentSize = -1 // nothing of it is to survive
	options.NoLockfile = true
	place, err := os.MkdirTemp(folder, "db-")
	if err != nil {
		return nil, err
	}
	db, err := tsdb.Open(place, quiet, nil, options, nil)
	if err != nil {
		return nil, err
	}
	engine := promql.NewEngine(promql.EngineOpts{
		Logger: quiet, MaxSamples: maxSamples, Timeout: queryTimeout,
		LookbackDelta: 5 * time.Minute, EnableAtModifier: true, EnableNegativeOffset: true,
		Parser:                   promqlParser,
		NoStepSubqueryIntervalFn: func(int64) int64 { return 60_000 },
	})
	most := 0
	for _, phase := range told.Phases {
		most = max(most, len(phase.Targets))
	}
	made := &stage{
		db: db, engine: engine, firing: map[string]*Fired{},
		outcome: &Outcome{
			Name: told.Name, Alerts: []Fired{},
			Errors: map[string]string{}, Results: map[string]int{},
		},
	}
	for range most {
		made.scrapers = append(made.scrapers, newScraper())
	}
	return made, made.load(ctx, file, time.Duration(told.Step)*time.Second)
}

func (s *stage) load(ctx context.Context, file string, interval time.Duration) error {
	if file == "" {
		return nil
	}
	manager := rules.NewManager(&rules.ManagerOptions{
		QueryFunc:    rules.EngineQueryFunc(s.engine, s.db),
		NotifyFunc:   func(context.Context, string, ...*rules.Alert) {},
		Context:      ctx,
		AppendableV2: s.db,
		Queryable:    s.db,
		Logger:       quiet,
		ExternalURL:  nowhere,
		Parser:       promqlParser,
	})
	groups, errs := manager.LoadGroups(interval, labels.EmptyLabels(), nowhere.String(), nil, false, file)
	if len(errs) > 0 {
		return errs[0]
	}
	names := make([]string, 0, len(groups))
	for name := range groups {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		s.groups = append(s.groups, groups[name])
	}
	return nil
}

func (s *stage) step(ctx context.Context, told Scenario, second int) error {
	now := begin.Add(time.Duration(second) * time.Second)
	app := s.db.AppenderV2(ctx)
	targets := targetsAt(told.Phases, second)
	for at, scraper := range s.scrapers {
		var target *Target
		if at < len(targets) {
			target = &targets[at]
		}
		if scraper.before == 0 {
			scraper.before = now.UnixMilli()
		}
		if err := scraper.scrape(app, target, now.UnixMilli()); err != nil {
			_ = app.Rollback()
			return err
		}
	}
	if err := app.Commit(); err != nil {
		return err
	}
	for _, group := range s.groups {
		if s.skips(group) {
			continue
		}
		if second%max(1, int(group.Interval().Seconds())) < told.Step {
			group.Eval(ctx, now)
		}
		s.note(group, second)
	}
	return ctx.Err()
}

// skips says whether a group holds a rule that takes too long; asking again would as well.
func (s *stage) skips(group *rules.Group) bool {
	found := false
	for _, rule := range group.Rules() {
		if err := rule.LastError(); err != nil && tooMuch(err) {
			s.gaveUp[rule.Name()] = err.Error()
		}
		if why, known := s.gaveUp[rule.Name()]; known {
			s.outcome.Errors[rule.Name()] = why
			found = true
		}
	}
	return found
}

func tooMuch(err error) bool {
	var slow promql.ErrQueryTimeout
	var large promql.ErrTooManySamples
	return errors.As(err, &slow) || errors.As(err, &large)
}

func targetsAt(phases []Phase, second int) []Target {
	var targets []Target
	for _, phase := range phases {
		if phase.At <= second {
			targets = phase.Targets
		}
	}
	return targets
}

// note keeps which alerts began or ceased to fire.
func (s *stage) note(group *rules.Group, second int) {
	now := map[string]bool{}
	for _, rule := range group.AlertingRules() {
		if err := rule.LastError(); err != nil {
			s.outcome.Errors[rule.Name()] = err.Error()
		}
		for _, alert := range rule.ActiveAlerts() {
			if alert.State != rules.StateFiring {
				continue
			}
			key := group.Name() + rule.Name() + alert.Labels.String()
			now[key] = true
			if s.firing[key] == nil && len(s.outcome.Alerts)+len(s.firing) < maxAlerts {
				s.firing[key] = &Fired{
					Alert: rule.Name(), From: second, Until: -1,
					Labels: alert.Labels.Map(), Annotations: alert.Annotations.Map(),
				}
			}
		}
	}
	for key, fired := range s.firing {
		if !now[key] && s.owns(group, fired) {
			fired.Until = second
			s.outcome.Alerts = append(s.outcome.Alerts, *fired)
			delete(s.firing, key)
		}
	}
}

func (s *stage) owns(group *rules.Group, fired *Fired) bool {
	for _, rule := range group.AlertingRules() {
		if rule.Name() == fired.Alert {
			return true
		}
	}
	return false
}

// query counts what each expression gives, and each of the selectors in it.
func (s *stage) query(ctx context.Context, queries []Parsed, now time.Time) {
	for _, query := range queries {
		if query.Error != "" {
			continue
		}
		for _, expr := range append([]string{query.Expr}, query.Selectors...) {
			if _, known := s.outcome.Results[expr]; !known {
				s.outcome.Results[expr] = s.count(ctx, expr, now)
			}
		}
	}
}

func (s *stage) count(ctx context.Context, expr string, now time.Time) int {
	query, err := s.engine.NewInstantQuery(ctx, s.db, nil, expr, now)
	if err != nil {
		return -1
	}
	defer query.Close()
	result := query.Exec(ctx)
	if result.Err != nil {
		s.outcome.Errors[expr] = result.Err.Error()
		return -1
	}
	switch found := result.Value.(type) {
	case promql.Vector:
		return len(found)
	case promql.Matrix:
		return len(found)
	case promql.Scalar:
		if math.IsNaN(found.V) {
			return 0
		}
		return 1
	default:
		return 0
	}
}
