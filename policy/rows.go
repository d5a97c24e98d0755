package policy

import (
	"fmt"

	"github.com/octorl/octorl/kernels"
)

// rowBuffers are buffers that all have the same number of rows: allocated once
// for the largest number and viewed at the present one, so that no pass
// allocates device memory.
type rowBuffers struct {
	dev     kernels.Device
	maxRows int
	rows    int // of the views
	entries []rowBuffer
	err     error // of the first failed add
}

type rowBuffer struct {
	view  *kernels.Buffer
	whole kernels.Buffer
	width int
}

// add allocates (maxRows, width) elements of type t and keeps *view at the
// present rows of them. After a failed add it does nothing; see err.
func (r *rowBuffers) add(view *kernels.Buffer, t kernels.Type, width int) {
	if r.err != nil {
		return
	}
	whole, err := r.dev.Alloc(t, r.maxRows*width)
	if err != nil {
		r.err = fmt.Errorf("allocate (%d, %d) %v: %w", r.maxRows, width, t, err)
		return
	}
	*view = whole
	r.rows = r.maxRows
	r.entries = append(r.entries, rowBuffer{view, whole, width})
}

// resize sets every view to n rows. It panics when they were not allocated.
func (r *rowBuffers) resize(what string, n int) {
	if n > r.maxRows {
		panic(fmt.Sprintf("policy: %d %s, the limit is %d", n, what, r.maxRows))
	}
	if n == r.rows {
		return
	}
	for _, e := range r.entries {
		*e.view = e.whole.Slice(0, n*e.width)
	}
	r.rows = n
}

func (r *rowBuffers) free() {
	for _, e := range r.entries {
		r.dev.Free(e.whole)
	}
	r.entries = nil
}
