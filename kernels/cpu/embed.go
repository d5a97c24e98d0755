package cpu

import "github.com/octorl/octorl/kernels"

// Embed sets out[n] to table[ids[n]].
func (d *Device) Embed(out, table, ids kernels.Buffer) {
	id := ints(ids, "Embed ids", ids.Len())
	if len(id.i) == 0 {
		return
	}
	c := divide(out.Len(), len(id.i), "Embed out")
	to := floats(out, "Embed out", out.Len())
	from := floats(table, "Embed table", table.Len())
	divide(table.Len(), c, "Embed table")
	d.do(func() {
		d.pool.rows(len(id.i), c, func(_ *worker, n0, n1 int) {
			for n := n0; n < n1; n++ {
				copy(to.f[n*c:(n+1)*c], from.f[int(id.i[n])*c:(int(id.i[n])+1)*c])
			}
		})
	}, to)
}

// EmbedGrad adds to dTable[ids[n]] the rows dOut[n], ascending in n.
func (d *Device) EmbedGrad(dTable, dOut, ids kernels.Buffer) {
	id := ints(ids, "EmbedGrad ids", ids.Len())
	if len(id.i) == 0 {
		return
	}
	c := divide(dOut.Len(), len(id.i), "EmbedGrad dOut")
	to := floats(dTable, "EmbedGrad dTable", dTable.Len())
	from := floats(dOut, "EmbedGrad dOut", dOut.Len())
	divide(dTable.Len(), c, "EmbedGrad dTable")
	d.do(func() {
		d.pool.columns(c, len(id.i), func(c0, c1 int) {
			for n, token := range id.i {
				row := to.f[int(token)*c:][:c]
				addRow(row[c0:c1], row[c0:c1], from.f[n*c+c0:n*c+c1])
			}
		})
	}, to)
}
