package learner

import "fmt"

// updates are what one step of RL has queued on the device and not waited for.
type updates[U any] struct {
	what    string         // for errors
	finish  func(*U) error // waits for the oldest
	add     func(U)        // takes one that is finished
	waiting []U
	settled int
}

// push takes an update that was queued. It waits for all of them when the
// optimizer has as many as it takes, and else not.
func (q *updates[U]) push(u U) error {
	q.waiting = append(q.waiting, u)
	if len(q.waiting) < maxQueued {
		return nil
	}
	return q.settle()
}

// settle waits for all of them.
func (q *updates[U]) settle() error {
	for i := range q.waiting {
		q.settled++
		if err := q.finish(&q.waiting[i]); err != nil {
			return fmt.Errorf("%s %d: %w", q.what, q.settled, err)
		}
		q.add(q.waiting[i])
	}
	q.waiting = q.waiting[:0]
	return nil
}
