package rollout

import "errors"

var (
	// ErrTooLarge is returned by Submit when the engine could never run the
	// request, however long it waited. The message has both sizes and the
	// Config field to raise.
	ErrTooLarge = errors.New("request exceeds the engine")
	// ErrDuplicate is returned by Submit when a request of the same ID has not
	// ended yet.
	ErrDuplicate = errors.New("group is already under way")
	// ErrClosed is returned by Submit after Drain, and after Run has returned.
	ErrClosed = errors.New("engine takes no more requests")
	// ErrCancelled is passed to Request.Done when the group was cancelled. The
	// message has the reason.
	ErrCancelled = errors.New("group cancelled")
)
