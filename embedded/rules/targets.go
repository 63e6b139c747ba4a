package main

import (
	"encoding/json"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
)

// Discovered is a target as service discovery finds it, and what is to be made of its labels.
type Discovered struct {
	Labels map[string]string `json:"labels"`
	// Relabel is relabel_configs; MetricRelabel is only read, so that mistakes in it are told.
	Relabel       json.RawMessage `json:"relabel"`
	MetricRelabel json.RawMessage `json:"metric_relabel"`
}

// Relabelled is what became of it.
type Relabelled struct {
	// Kept is false where a rule drops the target.
	Kept   bool              `json:"kept"`
	Labels map[string]string `json:"labels"`
	// Error says why Prometheus would refuse the rules.
	Error string `json:"error"`
}

func relabelAll(targets []Discovered) []Relabelled {
	found := []Relabelled{}
	for _, target := range targets {
		found = append(found, target.relabelled())
	}
	return found
}

func (d Discovered) relabelled() Relabelled {
	if _, err := configs(d.MetricRelabel); err != nil {
		return Relabelled{Error: err.Error()}
	}
	rules, err := configs(d.Relabel)
	if err != nil {
		return Relabelled{Error: err.Error()}
	}
	builder := labels.NewBuilder(labels.FromMap(d.Labels))
	if !relabel.ProcessBuilder(builder, rules...) {
		return Relabelled{}
	}
	made := builder.Labels()
	return Relabelled{Kept: made.Get(model.AddressLabel) != "", Labels: made.Map()}
}

func configs(data json.RawMessage) ([]*relabel.Config, error) {
	found := []*relabel.Config{}
	if len(data) == 0 {
		return found, nil
	}
	if err := json.Unmarshal(data, &found); err != nil {
		return nil, err
	}
	for _, one := range found {
		if err := one.Validate(model.UTF8Validation); err != nil {
			return nil, err
		}
	}
	return found, nil
}
