package cpu

// maxBlockRows is the most rows of the left matrix that one task multiplies by
// the same panels: as many as stay in the second-level cache.
const maxBlockRows = 12 * tileRows

// What a task costs besides its tiles of two panels, in such tiles: for each
// tile of rows it fetches the left operand, for each two panels the right.
const (
	fetchRows   = 0.1
	fetchPanels = 0.3
)

// taskShape returns the rows and panels of one task: those by which the workers
// would be done first. Few rows share out the panels, so that each is read once.
// Results do not depend on it.
func taskShape(rows, cols, workers int) (int, int) {
	if rows == 1 {
		return 1, (cols/(4*workers) + 4) &^ 3 // single takes four
	}
	tiles, pairs := (rows+tileRows-1)/tileRows, (cols+1)/2
	least := 0.0
	bestRows, bestPairs := 0, 0
	for across := 1; across <= pairs; across *= 2 {
		wide := (pairs + across - 1) / across
		fewest := (rows + maxBlockRows - 1) / maxBlockRows
		for down := fewest; down <= min(tiles, fewest+8*workers); down++ {
			high := (tiles + down - 1) / down
			if t := finish(tiles, pairs, high, wide, workers); bestRows == 0 || t < least {
				least, bestRows, bestPairs = t, high, wide
			}
		}
	}
	return bestRows * tileRows, bestPairs * 2
}

// finish returns when the workers would be done with a product of tiles × pairs
// in tasks of high × wide, in tiles of two panels. Half a task is added for
// the one that a worker may be alone with at the end, since others use the
// machine, too.
func finish(tiles, pairs, high, wide, workers int) float64 {
	tasks := ((tiles + high - 1) / high) * ((pairs + wide - 1) / wide)
	task := float64(high*wide) + fetchRows*float64(high) + fetchPanels*float64(wide)
	if workers == 1 {
		return float64(tasks) * task
	}
	return (float64((tasks+workers-1)/workers) + 0.5) * task
}
