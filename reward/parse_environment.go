package reward

import (
	"slices"
	"strings"
)

// matrix reads the rows of an environment.
func (p *parser) matrix(name string) *node {
	if systems[name] {
		return p.system(name)
	}
	if !strings.HasSuffix(name, "matrix") && name != "array" {
		return p.fail("environment %s", name)
	}
	m := &node{op: opMatrix, name: name}
	columns := 0
	for row := 0; p.err == nil; row++ {
		if p.closes(name) {
			break
		}
		m.args = append(m.args, p.relation())
		columns = 1
		for p.accept("&") {
			m.args = append(m.args, p.relation())
			columns++
		}
		if m.columns == 0 {
			m.columns = columns
		}
		if columns != m.columns {
			return p.fail("rows of unequal lengths")
		}
		if !p.accept(`\\`) && !p.isOp("end "+name) {
			return p.fail("environment without an end")
		}
	}
	if len(m.args) == 0 {
		return p.fail("empty matrix")
	}
	if name == "vmatrix" {
		return &node{op: opFunc, name: "det", args: []*node{m}}
	}
	return m
}

func (p *parser) closes(name string) bool { return p.accept("end " + name) }

// systems are the environments that hold several equations.
var systems = set("cases", "aligned", "align", "alignedat", "gathered", "split")

// system reads the rows of several equations as a list, & and all.
func (p *parser) system(name string) *node {
	p.inSystem++
	defer func() { p.inSystem-- }()
	list := &node{op: opList}
	for p.err == nil && !p.closes(name) {
		row := p.list()
		if row.op == opList {
			list.args = append(list.args, row.args...)
		} else {
			list.args = append(list.args, row)
		}
		for p.isOp(",", ";") {
			p.at++
		}
		if !p.accept(`\\`) && !p.isOp("end "+name) {
			return p.fail("row of %s without an end", name)
		}
	}
	switch len(list.args) {
	case 0:
		return p.fail("no rows in %s", name)
	case 1:
		return list.args[0]
	}
	return list
}

// isRelation reports whether a relation is next, behind the & that aligns it.
func (p *parser) isRelation() bool {
	if p.inSystem > 0 && p.isOp("&") && p.at+1 < len(p.tokens) && relations[p.tokens[p.at+1].text] {
		p.at++
	}
	t := p.peek()
	return t.kind == tokenOp && relations[t.text]
}

// relations are the signs between the members of a relation.
var relations = set("=", "<", ">", "<=", ">=", "!=", "~", "in")

// difference reads an interval, or all real numbers, without some points.
func (p *parser) difference() *node {
	n := p.ratio()
	if !p.accept("setminus") {
		return n
	}
	points := p.ratio()
	n = asInterval(n)
	if n.op != opTuple || len(n.args) != 2 || points.op != opSet || len(points.args) == 0 || len(points.args) > maxPoints {
		return p.fail("difference of other than an interval and points")
	}
	cuts := slices.Clone(points.args)
	for _, cut := range cuts {
		if cut.op != opNum && len(cuts) > 1 {
			return p.fail("points in an order that is not known")
		}
	}
	slices.SortFunc(cuts, func(a, b *node) int { return cmpNumbers(a, b) })
	parts := &node{op: opUnion}
	open, low := n.name[:1], n.args[0]
	for _, cut := range cuts {
		parts.args = append(parts.args, &node{op: opTuple, name: open + ")", args: []*node{low, cut}})
		open, low = "(", cut
	}
	parts.args = append(parts.args, &node{op: opTuple, name: open + n.name[1:], args: []*node{low, n.args[1]}})
	return parts
}

// maxPoints bounds the points taken out of an interval.
const maxPoints = 16

func cmpNumbers(a, b *node) int {
	if a.op != opNum || b.op != opNum {
		return 0
	}
	return a.num.Cmp(b.num)
}
