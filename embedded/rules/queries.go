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
	// Bare says of each whether its value is shown as it is, and not as a rate or a count.
	Bare []bool `json:"bare"`
	// Thresholds are the comparisons with numbers.
	Thresholds []Threshold `json:"thresholds"`
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
	found := Parsed{
		Expr: query, Selectors: []string{}, Names: []string{}, Bare: []bool{}, Thresholds: []Threshold{},
	}
	expr, err := promqlParser.ParseExpr(query)
	if err != nil {
		found.Error = err.Error()
		return found
	}
	if err := proportionate(expr); err != nil {
		found.Error = err.Error()
		return found
	}
	found.Thresholds = thresholds(expr, nil)
	parser.Inspect(expr, func(node parser.Node, above []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			bare := *selector
			bare.OriginalOffset, bare.Offset, bare.Timestamp, bare.StartOrEnd = 0, 0, nil, 0
			found.Selectors = append(found.Selectors, bare.String())
			found.Names = append(found.Names, selector.Name)
			found.Bare = append(found.Bare, isBare(node, above))
		}
		return nil
	})
	return found
}

// counting are the functions that make something of a counter which can be shown.
var counting = map[string]bool{
	"rate": true, "irate": true, "increase": true, "delta": true, "idelta": true, "deriv": true,
	"resets": true, "changes": true, "absent": true, "absent_over_time": true, "timestamp": true,
	"count_over_time": true, "present_over_time": true,
}

// isBare says whether nothing above a selector makes a rate or a count of its value.
func isBare(selector parser.Node, above []parser.Node) bool {
	path := append(above[:len(above):len(above)], selector)
	for at, node := range above {
		switch one := node.(type) {
		case *parser.Call:
			if counting[one.Func.Name] {
				return false
			}
		case *parser.AggregateExpr:
			if one.Op == parser.COUNT || one.Op == parser.GROUP || one.Op == parser.COUNT_VALUES {
				return false
			}
		case *parser.BinaryExpr:
			if one.Op == parser.SUB && differs(one) {
				return false
			}
			// The right side of `and` and `unless` only chooses.
			chooses := one.Op == parser.LAND || one.Op == parser.LUNLESS
			if chooses && path[at+1] == parser.Node(one.RHS) {
				return false
			}
		}
	}
	return true
}

// differs says whether a value of now is compared with one of before, as increase does.
func differs(binary *parser.BinaryExpr) bool {
	left, right := firstSelector(binary.LHS), firstSelector(binary.RHS)
	return left != nil && right != nil && left.Name == right.Name &&
		left.OriginalOffset != right.OriginalOffset
}

func firstSelector(expr parser.Expr) *parser.VectorSelector {
	var found *parser.VectorSelector
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok && found == nil {
			found = selector
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
