package reward

import (
	"context"
	"errors"
)

const (
	// maxAnswerBytes bounds an answer before anything is computed from it.
	maxAnswerBytes = 4096
	// workBudget is the work of one verification in units of about a hundred
	// nanoseconds, so that the worst answer takes tens of milliseconds.
	workBudget = 200_000
	// spendsPerLook is how many steps pass between looks at the deadline.
	spendsPerLook = 256
)

// errBudget is returned when a verification has used up its work budget.
var errBudget = errors.New("work budget is used up")

// budget counts the work of one verification. Once exhausted or late, it stays so.
type budget struct {
	ctx  context.Context
	left int
	look int   // spends until the next look at the deadline
	err  error // errBudget, or why ctx ended
}

func newBudget(ctx context.Context) *budget {
	return &budget{ctx: ctx, left: workBudget, look: spendsPerLook}
}

// spend takes n units of work and returns what ended the budget, if anything.
func (b *budget) spend(n int) error {
	if b.err != nil {
		return b.err
	}
	if b.left -= n; b.left < 0 {
		b.err = errBudget
	}
	if b.look--; b.look < 0 {
		b.look = spendsPerLook
		if err := b.ctx.Err(); err != nil {
			b.err = err
		}
	}
	return b.err
}
