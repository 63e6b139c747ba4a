package main

import (
	"fmt"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// maxPoints bounds a subquery; Prometheus gives a range query 11,000 points for a series.
const maxPoints = 50_000

// Parsed is an expression as Prometheus reads it.
type Parsed struct {
	Expr string `json:"expr"`
	// Error says why it is none.
	Error string `json:"error,omitempty"`
	// Selectors are the series that it reads, each as an instant selector.
	Selectors []string `json:"selectors"`
	// Names are the metrics' names in Selectors, empty where a selector has none.
	Names []string `json:"names"`
}

var promqlParser = parser.NewParser(parser.Options{})

func parseAll(queries []string) []Parsed {
	parsed := []Parsed{}
	for _, query := range queries {
		parsed = append(parsed, parse(query))
	}
	return parsed
}

func parse(query string) Parsed {
	found := Parsed{Expr: query, Selectors: []string{}, Names: []string{}}
	expr, err := promqlParser.ParseExpr(query)
	if err != nil {
		found.Error = err.Error()
		return found
	}
	if err := proportionate(expr); err != nil {
		found.Error = err.Error()
		return found
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			bare := *selector
			bare.OriginalOffset, bare.Offset, bare.Timestamp, bare.StartOrEnd = 0, 0, nil, 0
			found.Selectors = append(found.Selectors, bare.String())
			found.Names = append(found.Names, selector.Name)
		}
		return nil
	})
	return found
}

// proportionate refuses subqueries that would fill the memory: the engine counts too late.
func proportionate(expr parser.Expr) error {
	var failure error
	parser.Inspect(expr, func(node parser.Node, above []parser.Node) error {
		points := 1.0
		for _, one := range append(above[:len(above):len(above)], node) {
			if subquery, ok := one.(*parser.SubqueryExpr); ok {
				step := subquery.Step
				if step <= 0 {
					step = time.Minute
				}
				points *= max(1, subquery.Range.Seconds()/step.Seconds())
			}
		}
		if points > maxPoints && failure == nil {
			failure = fmt.Errorf("a subquery asks for %.0f points for each series; %d are plenty",
				points, maxPoints)
		}
		return nil
	})
	return failure
}
