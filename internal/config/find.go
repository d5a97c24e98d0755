package config

import (
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// find returns the first token of the value at a path like stages[2].rl.steps,
// or of the deepest value above it that exists. It is nil only where the path's
// first key is missing.
func find(n ast.Node, path string) *token.Token {
	var found *token.Token
	for path != "" {
		var segment string
		segment, path = cutPath(path)
		if n = child(n, segment); n == nil {
			break
		}
		found = firstToken(n)
	}
	return found
}

// firstToken returns the token a value begins with; that of a block of keys is
// its first key, where the parser would give a colon.
func firstToken(n ast.Node) *token.Token {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return m.Values[0].Key.GetToken()
	}
	return n.GetToken()
}

// cutPath splits a path after its first key or index.
func cutPath(path string) (segment, rest string) {
	end := strings.IndexAny(path[1:], ".[")
	if end < 0 {
		return path, ""
	}
	return path[:end+1], strings.TrimPrefix(path[end+1:], ".")
}

// child returns the value of a key, or of an index written [i], or nil.
func child(n ast.Node, segment string) ast.Node {
	switch v := n.(type) {
	case *ast.AnchorNode:
		return child(v.Value, segment)
	case *ast.SequenceNode:
		i, err := strconv.Atoi(strings.Trim(segment, "[]"))
		if err == nil && i >= 0 && i < len(v.Values) {
			return v.Values[i]
		}
	case ast.MapNode:
		for it := v.MapRange(); it.Next(); {
			if it.Key().GetToken().Value == segment {
				return it.Value()
			}
		}
	}
	return nil
}
