package main

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
)

// Target is something that is scraped, as its page is during a phase of a scenario.
type Target struct {
	// Labels are the target's own, such as job and instance.
	Labels      map[string]string `json:"labels"`
	HonorLabels bool              `json:"honor_labels"`
	// Relabel is applied to every sample (metric_relabel_configs).
	Relabel []*relabel.Config `json:"relabel"`
	// SampleLimit is how many samples a scrape may have after that; 0 is no limit.
	SampleLimit int `json:"sample_limit"`
	// Up says whether it answers.
	Up   bool   `json:"up"`
	Page string `json:"page"`
	Grow []Grow `json:"grow"`
}

// Grow lets the series of a metric with these labels rise, by Rate each second.
type Grow struct {
	Metric string            `json:"metric"`
	Labels map[string]string `json:"labels"`
	Rate   float64           `json:"rate"`
}

// scraper remembers what a target showed, so that what vanishes is marked as Prometheus does.
type scraper struct {
	shown  map[string]labels.Labels
	risen  map[string]float64
	before int64
}

func newScraper() *scraper {
	return &scraper{shown: map[string]labels.Labels{}, risen: map[string]float64{}}
}

// scrape appends one scrape at a time in milliseconds; a nil target has vanished.
func (s *scraper) scrape(app storage.AppenderV2, target *Target, at int64) error {
	seen := map[string]labels.Labels{}
	if target != nil {
		own := labels.FromMap(target.Labels)
		up := 0.0
		if target.Up {
			samples, err := s.page(target, own, at)
			if err == nil && (target.SampleLimit == 0 || len(samples) <= target.SampleLimit) {
				up = 1
				for _, one := range samples {
					seen[one.series.String()] = one.series
					if err := add(app, one.series, at, one.number); err != nil {
						return err
					}
				}
			}
		}
		name := labels.NewBuilder(own).Set(labels.MetricName, "up").Labels()
		seen[name.String()] = name
		if err := add(app, name, at, up); err != nil {
			return err
		}
	}
	for key, series := range s.shown {
		if _, still := seen[key]; !still {
			if err := add(app, series, at, math.Float64frombits(value.StaleNaN)); err != nil {
				return err
			}
		}
	}
	s.shown, s.before = seen, at
	return nil
}

type sample struct {
	series labels.Labels
	number float64
}

// page reads what a target shows, labelled as a scrape labels it; a page that cannot be read is an
// error, by which the whole scrape fails.
func (s *scraper) page(target *Target, own labels.Labels, at int64) ([]sample, error) {
	found, seen := []sample{}, map[string]bool{}
	parser, err := textparse.New([]byte(target.Page), "text/plain", nil, textparse.ParserOptions{})
	if parser == nil {
		return nil, err
	}
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the page cannot be read: %w", err)
		}
		if entry != textparse.EntrySeries {
			continue
		}
		_, _, number := parser.Series()
		var exposed labels.Labels
		parser.Labels(&exposed)
		number += s.rise(target, exposed, at)
		builder := merged(exposed, own, target.HonorLabels)
		if !relabel.ProcessBuilder(builder, target.Relabel...) {
			continue
		}
		series := builder.Labels()
		if series.Get(labels.MetricName) == "" || seen[series.String()] {
			continue
		}
		seen[series.String()] = true
		found = append(found, sample{series, number})
	}
}

// rise returns by how much a series has grown so far.
func (s *scraper) rise(target *Target, series labels.Labels, at int64) float64 {
	key := series.String()
	for _, grow := range target.Grow {
		if grow.Metric == series.Get(labels.MetricName) && has(series, grow.Labels) {
			s.risen[key] += grow.Rate * float64(at-s.before) / 1000
		}
	}
	return s.risen[key]
}

func has(series labels.Labels, wanted map[string]string) bool {
	for name, value := range wanted {
		if series.Get(name) != value {
			return false
		}
	}
	return true
}

// merged joins what a target exposes with the target's own labels, as a scrape does.
func merged(exposed, own labels.Labels, honor bool) *labels.Builder {
	builder := labels.NewBuilder(exposed)
	own.Range(func(label labels.Label) {
		known := exposed.Get(label.Name)
		switch {
		case known == "":
			builder.Set(label.Name, label.Value)
		case !honor:
			builder.Set("exported_"+label.Name, known)
			builder.Set(label.Name, label.Value)
		}
	})
	return builder
}

func add(app storage.AppenderV2, series labels.Labels, at int64, number float64) error {
	_, err := app.Append(0, series, 0, at, number, nil, nil, storage.AppendV2Options{})
	return err
}
