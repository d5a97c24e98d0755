package reward

// merged returns a union with every two intervals that touch, of which one has the
// point where they do, as one interval: (1,2]∪(2,3) is (1,3).
func (c *comparer) merged(n *node) *node {
	if n.op != opUnion || len(n.args) > maxMerged {
		return n
	}
	parts := append([]*node(nil), n.args...)
	for i := 0; i < len(parts); i++ {
		for j := 0; j < len(parts); j++ {
			if joined := c.joined(parts[i], parts[j]); i != j && joined != nil {
				parts[i] = joined
				parts = append(parts[:j], parts[j+1:]...)
				i, j = 0, -1
			}
		}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return &node{op: opUnion, args: parts}
}

// maxMerged bounds the intervals of which every two are compared.
const maxMerged = 16

// joined returns the interval that low and high are together if high begins where
// low ends, or nil.
func (c *comparer) joined(low, high *node) *node {
	if !isInterval(low) || !isInterval(high) || low.name[1] == ')' && high.name[0] == '(' {
		return nil
	}
	if !c.sameValue(low.args[1], high.args[0]) {
		return nil
	}
	return &node{op: opTuple, name: low.name[:1] + high.name[1:], args: []*node{low.args[0], high.args[1]}}
}

func isInterval(n *node) bool {
	return n.op == opTuple && len(n.args) == 2 && len(n.name) == 2 && n.args[0].isScalar() && n.args[1].isScalar()
}
