package learner

// span is a range of consecutive items, [From, To).
type span struct{ From, To int }

// cut splits items of the given sizes, in their order, into runs of at most
// limit together; an item above limit is a run of its own.
func cut(sizes []int, limit int) []span {
	var runs []span
	from, sum := 0, 0
	for i, size := range sizes {
		if i > from && sum+size > limit {
			runs = append(runs, span{from, i})
			from, sum = i, 0
		}
		sum += size
	}
	if from < len(sizes) {
		runs = append(runs, span{from, len(sizes)})
	}
	return runs
}
