package cpu

// maxBlockRows is the most rows of the left matrix that one task multiplies by
// the same panels: as many as stay in the second-level cache.
const maxBlockRows = 12 * tileRows

// taskCost is what a task costs besides its tiles of two panels, in such tiles:
// for each tile of rows it fetches the left operand, for each two panels the
// right.
type taskCost struct{ rows, panels float64 }

// readCost is that of products whose left operand is read where it lies,
// copyCost that of those that copy it.
var (
	readCost = taskCost{0.1, 0.3}
	copyCost = taskCost{0.5, 0.5}
)

// lastCuts is how many parts each of the last tasks is cut into, so that no
// worker is alone with a whole one at the end: others use the machine, too.
const lastCuts = 4

// tasks are the parts of a product's region that workers take, in order: all
// but the last are large, since each costs more than its tiles.
type tasks struct {
	region
	large  taskSize
	across int // large tasks side by side
	whole  int // tasks that are not cut
	part   taskSize
	cuts   int // parts of each of the others
	count  int
}

// taskSize is the rows and panels of a task.
type taskSize struct{ rows, panels int }

// newTasks divides r among the workers. Few rows share out the panels, so that
// each is read once. Results do not depend on it.
func newTasks(r region, workers int, c taskCost) tasks {
	t := tasks{region: r, large: taskShape(r.m1-r.m0, r.n1-r.n0, workers, c)}
	t.across = ceil(r.n1-r.n0, t.large.panels)
	all := t.across * ceil(r.m1-r.m0, t.large.rows)
	t.part, t.cuts = t.large, 1
	if workers > 1 && r.m1-r.m0 > 1 {
		t.part, t.cuts = t.large.cut(c)
	}
	t.whole = all - min(all, lastTasks(all, workers))
	t.count = t.whole + t.cuts*(all-t.whole)
	return t
}

// lastTasks returns how many tasks are cut, so that all workers take as many whole ones.
func lastTasks(all, workers int) int {
	if rest := all % workers; rest > 0 {
		return rest
	}
	return workers
}

// cut returns the parts of a task of that size and their number, at most
// lastCuts: fewer rows or fewer panels, by which costs less.
func (s taskSize) cut(c taskCost) (part taskSize, cuts int) {
	tiles, pairs := ceil(s.rows, tileRows), ceil(s.panels, 2)
	if c.rows*float64(tiles) < c.panels*float64(pairs) && pairs > 1 || tiles == 1 {
		part = taskSize{s.rows, 2 * ceil(pairs, lastCuts)}
		return part, ceil(s.panels, part.panels)
	}
	part = taskSize{tileRows * ceil(tiles, lastCuts), s.panels}
	return part, ceil(s.rows, part.rows)
}

// at returns task i, which may be empty.
func (t *tasks) at(i int) region {
	cut := -1
	if i >= t.whole {
		i -= t.whole
		i, cut = t.whole+i/t.cuts, i%t.cuts
	}
	r := t.region.within(taskSize{i / t.across * t.large.rows, i % t.across * t.large.panels}, t.large)
	switch {
	case cut < 0:
		return r
	case t.part.rows < t.large.rows:
		return r.within(taskSize{cut * t.part.rows, 0}, t.part)
	}
	return r.within(taskSize{0, cut * t.part.panels}, t.part)
}

// within returns the part of r of that size from the offset on.
func (r region) within(from, size taskSize) region {
	m, n := min(r.m0+from.rows, r.m1), min(r.n0+from.panels, r.n1)
	return region{m, min(m+size.rows, r.m1), n, min(n+size.panels, r.n1)}
}

func ceil(a, b int) int { return (a + b - 1) / b }

// taskShape returns the size of a large task: the one with which the workers would
// be done first.
func taskShape(rows, cols, workers int, c taskCost) taskSize {
	if rows == 1 {
		return taskSize{1, (cols/(4*workers) + 4) &^ 3} // single takes four
	}
	tiles, pairs := ceil(rows, tileRows), ceil(cols, 2)
	least := 0.0
	var best taskSize
	for across := 1; across <= pairs; across *= 2 {
		fewest := ceil(rows, maxBlockRows)
		for down := fewest; down <= min(tiles, fewest+8*workers); down++ {
			size := taskSize{tileRows * ceil(tiles, down), 2 * ceil(pairs, across)}
			if t := c.finish(tiles, pairs, size, workers); best.rows == 0 || t < least {
				least, best = t, size
			}
		}
	}
	return best
}

// finish returns when the workers would be done with a product of tiles × pairs
// in large tasks of that size, if a quarter of the last part were left to
// one of them.
func (c taskCost) finish(tiles, pairs int, size taskSize, workers int) float64 {
	high, wide := size.rows/tileRows, size.panels/2
	down, across := ceil(tiles, high), ceil(pairs, wide)
	work := float64(tiles*pairs) + c.rows*float64(tiles*across) + c.panels*float64(pairs*down)
	if workers == 1 {
		return work
	}
	part, cuts := size.cut(c)
	last := c.task(ceil(part.rows, tileRows), ceil(part.panels, 2))
	more := float64(cuts)*last - c.task(high, wide)
	return (work+more*float64(lastTasks(down*across, workers)))/float64(workers) + 0.25*last
}

// task returns the cost of a task.
func (c taskCost) task(high, wide int) float64 {
	return float64(high*wide) + c.rows*float64(high) + c.panels*float64(wide)
}
