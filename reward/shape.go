package reward

// Shape says what a verdict earns.
type Shape struct {
	Right, Wrong, Unparsable float32 // unitless
}

// DefaultShape returns +1 for Right and −1 for all else.
func DefaultShape() Shape { return Shape{Right: 1, Wrong: -1, Unparsable: -1} }

// Reward returns what a verdict earns. It reports false for Failed and the zero
// value, which have no reward: their trajectory cannot be learned from.
func (s Shape) Reward(v Verdict) (reward float32, ok bool) {
	switch v {
	case Right:
		return s.Right, true
	case Wrong:
		return s.Wrong, true
	case Unparsable:
		return s.Unparsable, true
	}
	return 0, false
}
