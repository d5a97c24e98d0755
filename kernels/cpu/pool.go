package cpu

import (
	"runtime"
	"sync/atomic"
)

// spins is how many times a worker looks for a job before it sleeps, about
// 50 µs: operations of one step follow each other faster than a sleeping
// thread wakes.
const spins = 20_000

// pool shares out the tasks of a job among workers. Worker 0 is the goroutine
// that calls run; the others help when they are awake, so a worker that the
// system has put aside delays only the task it holds.
type pool struct {
	workers []*worker
	job     atomic.Pointer[job]
	stopped atomic.Bool
}

// worker is what one goroutine needs for its tasks.
type worker struct {
	scratch
	tile   [tileRows * tileCols]float32
	parked atomic.Bool
	wake   chan struct{}
}

// job is n independent tasks, handed out by a counter.
type job struct {
	n          int64
	next, done atomic.Int64
	run        func(w *worker, i int)
	failure    atomic.Pointer[any]
}

func newPool(threads int) *pool {
	p := &pool{workers: make([]*worker, threads)}
	for i := range p.workers {
		p.workers[i] = &worker{wake: make(chan struct{}, 1)}
	}
	for _, w := range p.workers[1:] {
		go p.help(w)
	}
	return p
}

// run calls f(w, i) once for each i in [0, n), in any order, each w in one
// goroutine at a time, and returns when all are done.
func (p *pool) run(n int, f func(w *worker, i int)) {
	if n <= 1 || len(p.workers) == 1 {
		for i := range n {
			p.workers[0].reset()
			f(p.workers[0], i)
		}
		return
	}
	j := &job{n: int64(n), run: f}
	p.job.Store(j)
	p.rouse()
	j.work(p.workers[0])
	for i := 0; j.done.Load() < j.n; i++ {
		if i%64 == 63 {
			runtime.Gosched()
		}
	}
	if r := j.failure.Load(); r != nil {
		panic(*r)
	}
}

// work does tasks until none are left. After a panic the tasks that nobody has
// begun are dropped.
func (j *job) work(w *worker) {
	defer func() {
		if r := recover(); r != nil {
			j.failure.CompareAndSwap(nil, &r)
			dropped := max(0, j.n-j.next.Swap(j.n))
			j.done.Add(dropped + 1)
		}
	}()
	for {
		i := j.next.Add(1) - 1
		if i >= j.n {
			return
		}
		w.reset()
		j.run(w, int(i))
		j.done.Add(1)
	}
}

// help is the life of a worker other than 0.
func (p *pool) help(w *worker) {
	var last *job
	for idle := 0; !p.stopped.Load(); idle++ {
		if j := p.job.Load(); j != last {
			last, idle = j, 0
			j.work(w)
			continue
		}
		if idle%256 == 255 {
			runtime.Gosched()
		}
		if idle >= spins {
			w.parked.Store(true)
			if p.job.Load() != last || p.stopped.Load() {
				w.parked.Store(false)
				continue
			}
			<-w.wake
			idle = 0
		}
	}
}

func (p *pool) rouse() {
	for _, w := range p.workers[1:] {
		if w.parked.Load() && w.parked.CompareAndSwap(true, false) {
			select {
			case w.wake <- struct{}{}:
			default:
			}
		}
	}
}

func (p *pool) stop() {
	p.stopped.Store(true)
	p.rouse()
}

// minWork is the number of element operations below which waking others costs
// more than it saves.
const minWork = 1 << 15

// rows calls f for ranges that make up [0, n), each row costing about cost
// element operations. Where the ranges are cut depends on the number of
// workers, so f must treat rows alike wherever the cuts are.
func (p *pool) rows(n, cost int, f func(w *worker, from, to int)) {
	chunks := min(n, 4*len(p.workers), 1+n*cost/minWork)
	if len(p.workers) == 1 {
		chunks = min(n, 1)
	}
	p.run(chunks, func(w *worker, i int) {
		f(w, n*i/chunks, n*(i+1)/chunks)
	})
}
