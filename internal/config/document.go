package config

import (
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// parseDocument parses one YAML document and checks its keys and types against
// Recipe, which the decoder alone would report one at a time, without the
// nearest key, and with fractions cut off where counts are wanted.
func parseDocument(file string, data []byte) (ast.Node, error) {
	f, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, syntaxError(file, err)
	}
	switch {
	case len(f.Docs) == 0 || f.Docs[0].Body == nil:
		return nil, &InvalidError{File: file, Faults: []Fault{newFault("", "is empty; a recipe has at least stages:")}}
	case len(f.Docs) > 1:
		return nil, &InvalidError{File: file, Faults: []Fault{newFault("", "has %d YAML documents; keep one and remove the --- lines", len(f.Docs))}}
	}
	root := f.Docs[0].Body
	c := checker{}
	c.check(root, reflect.TypeFor[Recipe](), "")
	if len(c.faults) > 0 {
		return nil, &InvalidError{File: file, Faults: c.faults}
	}
	return root, nil
}

// syntaxError turns an error of the YAML package into ours.
func syntaxError(file string, err error) error {
	f := Fault{Text: err.Error()}
	var placed yaml.Error
	if errors.As(err, &placed) && placed.GetToken() != nil {
		at := placed.GetToken().Position
		f = Fault{Line: at.Line, Column: at.Column, Text: placed.GetMessage()}
	}
	return &InvalidError{File: file, Faults: []Fault{f}}
}

// checker compares a syntax tree with Go types.
type checker struct {
	faults []Fault
}

func (c *checker) add(n ast.Node, path, format string, args ...any) {
	f := newFault(path, format, args...)
	if t := firstToken(n); t != nil {
		f.Line, f.Column = t.Position.Line, t.Position.Column
	}
	c.faults = append(c.faults, f)
}

// check adds the faults of a node that is to become a value of typ. Null means
// the default. What an alias stands for was checked where it is anchored.
func (c *checker) check(n ast.Node, typ reflect.Type, path string) {
	switch v := n.(type) {
	case *ast.AnchorNode:
		c.check(v.Value, typ, path)
		return
	case *ast.AliasNode, *ast.NullNode:
		return
	}
	switch typ.Kind() {
	case reflect.Pointer:
		c.check(n, typ.Elem(), path)
	case reflect.Int:
		if typ != reflect.TypeFor[Shots]() {
			c.checkScalar(n, typ, path)
		} else if s, word := n.(*ast.StringNode); mismatch(n, reflect.Int) != "" && !(word && s.Value == publishedShots) {
			c.add(n, path, "want %s or a whole number, have %q", publishedShots, n.String())
		}
	case reflect.Struct, reflect.Map:
		c.checkMapping(n, typ, path)
	case reflect.Slice:
		c.checkSequence(n, typ, path)
	default:
		c.checkScalar(n, typ, path)
	}
}

func (c *checker) checkScalar(n ast.Node, typ reflect.Type, path string) {
	if want := mismatch(n, typ.Kind()); want != "" {
		c.add(n, path, "want %s, have %q", want, n.String())
	}
}

func (c *checker) checkMapping(n ast.Node, typ reflect.Type, path string) {
	m, ok := n.(ast.MapNode)
	if !ok {
		c.add(n, path, "want keys and values below it, have %q", n.String())
		return
	}
	for it := m.MapRange(); it.Next(); {
		if it.Key().IsMergeKey() {
			continue
		}
		key := it.Key().GetToken().Value
		if typ.Kind() == reflect.Map {
			c.check(it.Value(), typ.Elem(), join(path, key))
			continue
		}
		field, known := fieldOf(typ, key)
		if field == nil {
			c.add(it.Key(), join(path, key), "unknown key%s", suggestKey(key, known))
			continue
		}
		c.check(it.Value(), field, join(path, key))
	}
}

func (c *checker) checkSequence(n ast.Node, typ reflect.Type, path string) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		c.add(n, path, "want a list, have %q", n.String())
		return
	}
	for i, v := range s.Values {
		c.check(v, typ.Elem(), index(path, i))
	}
}

// mismatch returns what a scalar of kind should look like, or "" where the node
// does.
func mismatch(n ast.Node, kind reflect.Kind) string {
	switch kind {
	case reflect.String:
		switch n.(type) {
		case *ast.StringNode, *ast.LiteralNode:
			return ""
		}
		return "text (in quotes where it looks like something else)"
	case reflect.Bool:
		if _, ok := n.(*ast.BoolNode); ok {
			return ""
		}
		return "true or false"
	case reflect.Float64:
		if _, ok := number(n); ok {
			return ""
		}
		return "a number"
	}
	if x, ok := number(n); ok && x == math.Trunc(x) {
		return ""
	}
	return "a whole number"
}

// number returns the finite value of a numeric node. The parser takes 2e-3 for
// text, although the decoder reads it into numbers.
func number(n ast.Node) (float64, bool) {
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.StringNode:
	default:
		return 0, false
	}
	x, err := strconv.ParseFloat(strings.ReplaceAll(n.GetToken().Value, "_", ""), 64)
	return x, err == nil && !math.IsInf(x, 0) && !math.IsNaN(x)
}

// fieldOf returns the type of the field with a key, or nil and all keys.
func fieldOf(typ reflect.Type, key string) (reflect.Type, []string) {
	var known []string
	for f := range typ.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == key {
			return f.Type, nil
		}
		known = append(known, name)
	}
	return nil, known
}

// suggestKey is suggest, with all keys where none is near.
func suggestKey(key string, known []string) string {
	if s := suggest(key, known); s != "" {
		return s
	}
	return "; known here: " + strings.Join(known, ", ")
}

// locate gives the faults of err the lines of the nodes they concern, or of the
// nearest node above them that the file has.
func locate(file string, root ast.Node, err error) error {
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		return err
	}
	invalid.File = file
	for i := range invalid.Faults {
		f := &invalid.Faults[i]
		if t := find(root, f.Path); t != nil && f.Path != "" {
			f.Line, f.Column = t.Position.Line, t.Position.Column
		}
	}
	return invalid
}
