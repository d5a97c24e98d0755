package cpu

// packKey names a packed copy of the matrix that begins at first.
type packKey struct {
	first      *float32
	rows, cols int
	transposed bool
}

// pack is a matrix in panels, as it was at a version of its memory.
type pack struct {
	panels
	version uint64
}

// packed returns the (rows, cols) matrix w as panels, or its transpose. The copy is
// kept until w's memory is written.
func (d *Device) packed(w *buffer, rows, cols int, transposed bool) panels {
	if len(w.f) == 0 {
		return packedPanels(nil, rows, cols)
	}
	key := packKey{&w.f[0], rows, cols, transposed}
	p := w.mem.packs[key]
	if p != nil && p.version == w.mem.version {
		return p.panels
	}
	if p == nil {
		p = &pack{}
		if w.mem.packs == nil {
			w.mem.packs = make(map[packKey]*pack)
		}
		w.mem.packs[key] = p
	}
	p.version = w.mem.version
	if transposed {
		p.panels = newPanels(p.at, cols, rows)
	} else {
		p.panels = newPanels(p.at, rows, cols)
	}
	d.pool.rows(panelCount(p.cols), p.depth*tileCols, func(_ *worker, from, to int) {
		for n := from; n < to; n++ {
			if transposed {
				p.packRows(n, w.f, cols)
			} else {
				p.packCols(n, w.f, cols, rows)
			}
		}
	})
	return p.panels
}

// newPanels returns panels of the shape in memory at, if that is large enough.
func newPanels(at []float32, depth, cols int) panels {
	n := panelCount(cols) * tileCols * depth
	if cap(at) < n {
		at = alignedFloats(n)
	}
	return packedPanels(at[:n], depth, cols)
}

// takePanels returns panels in scratch memory.
func (s *scratch) takePanels(depth, cols int) panels {
	return packedPanels(s.take(panelCount(cols)*tileCols*depth), depth, cols)
}

// packCols fills the first depth steps of panel p with columns of the (depth,
// cols) matrix src, whose rows are row apart.
func (b panels) packCols(p int, src []float32, row, depth int) {
	cols := min(tileCols, b.cols-p*tileCols)
	dst := b.panel(p, 0).at[:depth*tileCols]
	if cols < tileCols {
		clear(dst)
	}
	copyColumns(dst, tileCols, src[p*tileCols:], row, depth, cols)
}

// packRows fills panel p with rows of the (cols, depth) matrix src, whose rows
// are row apart: the transpose of src is packed.
func (b panels) packRows(p int, src []float32, row int) {
	cols := min(tileCols, b.cols-p*tileCols)
	dst := b.panel(p, 0).at[:b.depth*tileCols]
	if cols < tileCols {
		clear(dst)
	}
	transposePanel(dst, src[p*tileCols*row:], row, b.depth, cols)
}
