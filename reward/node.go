package reward

import (
	"math/big"
	"strings"
)

// op says what a node of a parsed answer is.
type op uint8

const (
	opNum       op = iota // num; name is its spelling
	opSym                 // name
	opAdd                 // args, at least 2
	opMul                 // args, at least 2
	opPow                 // args[0] to the power of args[1]
	opFunc                // name applied to args
	opPercent             // args[0] hundredths
	opUnit                // args[0] times the unit in name; degrees are a unit
	opPlusMinus           // both args[0]+args[1] and args[0]−args[1]; name is pm or mp
	opBased               // name holds digits in base num
	opRatio               // args[0]:args[1]:…
	opList                // args without brackets, in no order; name is and where that word is among them
	opSet                 // args in braces
	opTuple               // args in brackets, an interval also; name is both brackets
	opMatrix              // args row by row, columns to a row
	opUnion               // args
	opRelation            // args[0] ops[0] args[1] ops[1] …
)

// node is a part of a parsed answer. Nodes are not changed once built.
type node struct {
	op      op
	name    string
	num     *big.Rat
	args    []*node
	ops     []string // of a relation, one less than args
	columns int      // of a matrix
}

var (
	minusOne = &node{op: opNum, num: big.NewRat(-1, 1), name: "-1"}
	oneHalf  = &node{op: opNum, num: big.NewRat(1, 2), name: "1/2"}
	tenNode  = &node{op: opNum, num: big.NewRat(10, 1), name: "10"}
)

func newSum(args ...*node) *node     { return &node{op: opAdd, args: args} }
func newProduct(args ...*node) *node { return &node{op: opMul, args: args} }
func newPower(x, y *node) *node      { return &node{op: opPow, args: []*node{x, y}} }

// negative returns −x.
func negative(x *node) *node {
	if x.op == opMatrix {
		return product([]*node{minusOne, x})
	}
	if x.op == opNum && !strings.HasPrefix(x.name, "-") {
		return &node{op: opNum, num: new(big.Rat).Neg(x.num), name: "-" + x.name}
	}
	return newProduct(minusOne, x)
}
func reciprocal(x *node) *node { return newPower(x, minusOne) }

// isScalar reports whether n is an expression, which has one value.
func (n *node) isScalar() bool { return n.op <= opUnit || n.op == opBased }

// contains reports whether a node for which is holds is in n.
func (n *node) contains(is func(*node) bool) bool {
	if is(n) {
		return true
	}
	for _, a := range n.args {
		if a.contains(is) {
			return true
		}
	}
	return false
}

func isPlusMinus(n *node) bool { return n.op == opPlusMinus }

// branch returns n with every ± read as one sign and every ∓ as the other.
func (n *node) branch(upper bool) *node {
	if !n.contains(isPlusMinus) {
		return n
	}
	args := make([]*node, len(n.args))
	for i, a := range n.args {
		args[i] = a.branch(upper)
	}
	if n.op == opPlusMinus {
		if upper != (n.name == "pm") {
			args[1] = negative(args[1])
		}
		return newSum(args...)
	}
	copied := *n
	copied.args = args
	return &copied
}
