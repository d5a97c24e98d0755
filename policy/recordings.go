package policy

import "github.com/octorl/octorl/kernels"

// maxRecordings bounds the recorded graphs that a Pass keeps, each of which takes
// some device memory, and maxShapesSeen the shapes that it remembers.
const (
	maxRecordings = 32
	maxShapesSeen = 1024
)

// recordings are graphs of the work of a pass, by its shape. What is in the buffers
// may differ from one replay to the next; where they lie and how many rows they
// have is the graph's.
type recordings struct {
	dev    kernels.Device
	graphs map[recordedShape]*recording // nil for a shape that was seen once
	kept   int                          // graphs that are not nil
	clock  int
}

// recordedShape is what a graph of a pass depends on.
type recordedShape struct {
	work                        passWork
	rows, segments, predictions int
	temperature                 float32
	gradients                   *Gradients // nil for work that writes none
}

// passWork is the part of a pass that a graph holds.
type passWork uint8

const (
	workForward         passWork = iota // embedding to logprobs
	workBackward                        // gradients by given coefficients
	workForwardBackward                 // both, by coefficients known beforehand
)

type recording struct {
	graph kernels.Graph
	used  int // clock of the last replay
}

// run queues work, which is the same for equal shapes. It calls work where
// replaying is no cheaper, and for a shape that is new: the first call may grow
// the device's own memory, and many shapes come once only.
func (r *recordings) run(shape recordedShape, work func()) {
	if !r.dev.Info().Replays {
		work()
		return
	}
	known, seen := r.graphs[shape]
	switch {
	case known != nil:
	case !seen:
		r.see(shape)
		work()
		return
	default:
		g, err := r.dev.Capture(work)
		if err != nil { // no memory for it, or a fault, which Wait returns
			work()
			return
		}
		r.makeRoom()
		known = &recording{graph: g}
		r.graphs[shape] = known
		r.kept++
	}
	r.clock++
	known.used = r.clock
	r.dev.Replay(known.graph)
}

// see remembers a new shape.
func (r *recordings) see(shape recordedShape) {
	if r.graphs == nil || len(r.graphs) >= maxShapesSeen {
		r.forget()
	}
	r.graphs[shape] = nil
}

// forget drops all graphs and shapes.
func (r *recordings) forget() { r.graphs, r.kept = map[recordedShape]*recording{}, 0 }

// makeRoom drops the graph that was not replayed for longest, where there are as
// many as may be.
func (r *recordings) makeRoom() {
	if r.kept < maxRecordings {
		return
	}
	var oldest recordedShape
	least := r.clock + 1
	for shape, g := range r.graphs {
		if g != nil && g.used < least {
			oldest, least = shape, g.used
		}
	}
	delete(r.graphs, oldest)
	r.kept--
}
