//go:build cuda

package cuda

import (
	"fmt"

	"github.com/octorl/octorl/kernels"
)

// operands returns the rows and columns of a and b as they lie in memory.
func (s gemmShape) operands(op gemmOp) (rowsA, colsA, rowsB, colsB int) {
	switch op {
	case gemmNT:
		return s.M, s.K, s.N, s.K
	case gemmNN:
		return s.M, s.K, s.K, s.N
	}
	return s.K, s.M, s.K, s.N
}

// dense returns s with its strides given.
func (s gemmShape) dense(op gemmOp) gemmShape {
	_, colsA, _, colsB := s.operands(op)
	if s.LdA == 0 {
		s.LdA = colsA
	}
	if s.LdB == 0 {
		s.LdB = colsB
	}
	if s.LdOut == 0 {
		s.LdOut = s.N
	}
	return s
}

// gemmOut says what becomes of a product.
type gemmOut struct {
	Type       kernels.Type  // of out: BFloat16 for NT and NN, Float32 for NT and TN
	Accumulate bool          // add to out; Float32 only
	Bias       devicePointer // N elements of BFloat16 added to each row, or 0; BFloat16 NT only
}

// gemm queues a product of BFloat16 operands. An element of out is the same bit
// for bit whatever M, N and the strides are; for TN, K apart into parts is
// fixed by the shape. Strides and addresses that are multiples of 16 bytes are
// fast, others work.
func (d *Device) gemm(op gemmOp, s gemmShape, out, a, b devicePointer, o gemmOut) {
	s = s.dense(op)
	if s.M == 0 || s.N == 0 || s.K == 0 && o.Accumulate {
		return
	}
	wrongType := op == gemmNN && o.Type != kernels.BFloat16 || op == gemmTN && o.Type != kernels.Float32
	if s.K == 0 || wrongType || o.Accumulate && o.Type != kernels.Float32 || o.Bias != 0 && (op != gemmNT || o.Type != kernels.BFloat16) {
		panic(fmt.Sprintf("cuda: product %d of %+v with %+v", op, s, o))
	}
	if d.portable {
		d.multiplyPortable(op, s, out, a, b, o)
		return
	}
	aligned := (out|a|b)%16 == 0 && (s.LdA|s.LdB)%8 == 0 && s.LdOut*o.Type.Size()%16 == 0
	d.run(op, s, planGemm(op, s, o.Type, aligned, d.sms), out, a, b, o)
}

// run queues a product as planned.
func (d *Device) run(op gemmOp, s gemmShape, p gemmPlan, out, a, b devicePointer, o gemmOut) {
	if p.parts == 0 {
		d.multiply(op, s, p, out, a, b, o)
		return
	}
	stack := s
	stack.LdOut = s.N
	parts := d.scratch(p.splits * p.parts * s.N * o.Type.Size())
	d.multiply(op, stack, p, parts, a, b, gemmOut{Type: kernels.Float32})
	d.launch("gemm_tn.add_parts", grid{x: (s.N + 1023) / 1024, y: s.M, threads: 256},
		out, parts, int64(s.LdOut), int32(s.N), int32(p.parts), int32(p.splits), flag(o.Accumulate))
}

// multiply launches one kernel.
func (d *Device) multiply(op gemmOp, s gemmShape, p gemmPlan, out, a, b devicePointer, o gemmOut) {
	var mapA, mapB, mapOut tensorMap
	if p.maps {
		rowsA, colsA, rowsB, colsB := s.operands(op)
		mapA = d.matrixMap(a, kernels.BFloat16, rowsA, colsA, s.LdA, 128, p.boxA)
		mapB = d.matrixMap(b, kernels.BFloat16, rowsB, colsB, s.LdB, 128, p.boxB)
		if p.swizzle > 0 {
			mapOut = d.matrixMap(out, o.Type, max(s.M, p.splits*p.parts), s.N, s.LdOut, p.swizzle, 64)
		}
	}
	d.launch(p.kernel, grid{x: p.blocks, threads: p.threads, shared: p.shared},
		mapA, mapB, mapOut, a, b, out, o.Bias, int64(s.LdA), int64(s.LdB), int64(s.LdOut),
		int32(s.M), int32(s.N), int32(s.K), int32(p.band), int32(p.splits), flag(o.Accumulate), int32(p.boxA), int32(p.parts))
}

// multiplyPortable queues a product by a kernel of any card, whose tiles are 128
// by 128.
func (d *Device) multiplyPortable(op gemmOp, s gemmShape, out, a, b devicePointer, o gemmOut) {
	name := "gemm_portable." + [...]string{"nt", "nn", "tn"}[op] + "_" + gemmSuffix(o.Type)
	d.launch(name, grid{x: divideUp(s.M, 128), y: divideUp(s.N, 128), threads: 256},
		out, a, b, o.Bias, int64(s.LdA), int64(s.LdB), int64(s.LdOut),
		int32(s.M), int32(s.N), int32(s.K), flag(o.Accumulate))
}

// matrixMap maps a matrix of rows, stride elements apart, in boxes of rows of as
// many bytes as the swizzle.
func (d *Device) matrixMap(at devicePointer, t kernels.Type, rows, cols, stride, swizzle, boxRows int) tensorMap {
	return d.tensorMap(at, t, []uint64{uint64(cols), uint64(rows)}, []uint64{uint64(stride * t.Size())},
		[]uint32{uint32(swizzle / t.Size()), uint32(boxRows)}, swizzle)
}

func flag(set bool) int32 {
	if set {
		return 1
	}
	return 0
}
