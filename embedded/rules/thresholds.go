package main

import (
	"math"

	"github.com/prometheus/prometheus/promql/parser"
)

// maxNested bounds how deep recording rules are followed.
const maxNested = 8

// Threshold is a comparison of a value with a number, brought to the value's own unit.
type Threshold struct {
	// Value is what is compared with: of a rate, per second, whatever it was multiplied with.
	Value float64 `json:"value"`
	// Op is the comparison as it reads with the value on its left, such as ">".
	Op string `json:"op"`
	// Rate says that it is the rate of a counter; Ratio, that it is a quotient of two values.
	Rate  bool `json:"rate"`
	Ratio bool `json:"ratio"`
}

// linear is scale*x + offset of one value x, or a plain number (with no value in it).
type linear struct {
	scale, offset float64
	rate, ratio   bool
	known, number bool
}

// reader knows the expressions of recording rules by their names.
type reader struct {
	records map[string]parser.Expr
	nested  int
}

// thresholds finds every comparison with a number in an expression.
func thresholds(expr parser.Expr, records map[string]parser.Expr) []Threshold {
	found := []Threshold{}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		binary, ok := node.(*parser.BinaryExpr)
		if !ok || !binary.Op.IsComparisonOperator() {
			return nil
		}
		if one, ok := (reader{records: records}).compared(binary); ok {
			found = append(found, one)
		}
		return nil
	})
	return found
}

func (r reader) compared(binary *parser.BinaryExpr) (Threshold, bool) {
	left, right, op := r.read(binary.LHS), r.read(binary.RHS), binary.Op
	if left.number {
		left, right, op = right, left, turned(op)
	}
	if !left.known || left.number || !right.known || !right.number || left.scale == 0 {
		return Threshold{}, false
	}
	value := (right.offset - left.offset) / left.scale
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return Threshold{}, false
	}
	if left.scale < 0 {
		op = turned(op)
	}
	return Threshold{Value: value, Op: op.String(), Rate: left.rate, Ratio: left.ratio}, true
}

func turned(op parser.ItemType) parser.ItemType {
	switch op {
	case parser.GTR:
		return parser.LSS
	case parser.GTE:
		return parser.LTE
	case parser.LSS:
		return parser.GTR
	case parser.LTE:
		return parser.GTE
	default:
		return op
	}
}

// read says how an expression follows from one value; unknown where it does not.
func (r reader) read(expr parser.Expr) linear {
	switch one := expr.(type) {
	case *parser.ParenExpr:
		return r.read(one.Expr)
	case *parser.StepInvariantExpr:
		return r.read(one.Expr)
	case *parser.SubqueryExpr:
		return r.read(one.Expr)
	case *parser.NumberLiteral:
		return linear{offset: one.Val, known: true, number: true}
	case *parser.UnaryExpr:
		return r.negated(one)
	case *parser.AggregateExpr:
		if one.Op == parser.COUNT || one.Op == parser.GROUP || one.Op == parser.COUNT_VALUES {
			return linear{}
		}
		return r.read(one.Expr)
	case *parser.Call:
		return r.called(one)
	case *parser.BinaryExpr:
		return r.combined(one)
	case *parser.VectorSelector:
		if recorded, ok := r.records[one.Name]; ok && r.nested < maxNested {
			return reader{records: r.records, nested: r.nested + 1}.read(recorded)
		}
		return linear{scale: 1, known: true}
	default:
		return linear{}
	}
}

func (r reader) negated(unary *parser.UnaryExpr) linear {
	inner := r.read(unary.Expr)
	if unary.Op == parser.SUB {
		inner.scale, inner.offset = -inner.scale, -inner.offset
	}
	return inner
}

// called reads a function: those that give a rate, and those that leave a value as it is.
func (r reader) called(call *parser.Call) linear {
	if len(call.Args) == 0 {
		return linear{}
	}
	switch call.Func.Name {
	case "rate", "irate", "deriv":
		return linear{scale: 1, rate: true, known: true}
	case "increase", "delta":
		return linear{scale: window(call.Args[0]), rate: true, known: true}
	case "vector", "scalar", "label_replace", "label_join", "sort", "sort_desc", "round",
		"avg_over_time", "max_over_time", "min_over_time", "last_over_time":
		return r.read(call.Args[0])
	default:
		return linear{}
	}
}

func window(expr parser.Expr) float64 {
	switch one := expr.(type) {
	case *parser.MatrixSelector:
		return one.Range.Seconds()
	case *parser.SubqueryExpr:
		return one.Range.Seconds()
	case *parser.ParenExpr:
		return window(one.Expr)
	default:
		return 0
	}
}

func (r reader) combined(binary *parser.BinaryExpr) linear {
	left, right := r.read(binary.LHS), r.read(binary.RHS)
	switch {
	case binary.Op.IsSetOperator(), binary.Op.IsComparisonOperator() && !binary.ReturnBool:
		return left
	case !left.known || !right.known:
		return linear{}
	case left.number && right.number:
		return linear{offset: folded(binary.Op, left.offset, right.offset), known: true, number: true}
	}
	switch binary.Op {
	case parser.ADD:
		return added(left, right, 1)
	case parser.SUB:
		return added(left, right, -1)
	case parser.MUL:
		if left.number {
			left, right = right, left
		}
		return scaled(left, right)
	case parser.DIV:
		if right.number {
			return scaled(left, linear{offset: 1 / right.offset, known: true, number: true})
		}
		if !left.number && left.offset == 0 && right.offset == 0 && right.scale != 0 {
			return linear{scale: left.scale / right.scale, ratio: true, known: true}
		}
	}
	return linear{}
}

func folded(op parser.ItemType, left, right float64) float64 {
	switch op {
	case parser.ADD:
		return left + right
	case parser.SUB:
		return left - right
	case parser.MUL:
		return left * right
	case parser.DIV:
		return left / right
	case parser.POW:
		return math.Pow(left, right)
	case parser.MOD:
		return math.Mod(left, right)
	default:
		return math.NaN()
	}
}

func scaled(value, by linear) linear {
	if !by.number {
		return linear{}
	}
	value.scale *= by.offset
	value.offset *= by.offset
	return value
}

// added reads a sum: of a value and a number, or of two values in the same unit.
func added(left, right linear, sign float64) linear {
	switch {
	case right.number:
		left.offset += sign * right.offset
		return left
	case left.number:
		right.scale, right.offset = sign*right.scale, left.offset+sign*right.offset
		return right
	case sign > 0 && left.scale == right.scale && left.rate == right.rate && left.ratio == right.ratio:
		left.offset += right.offset
		return left
	default:
		return linear{}
	}
}
