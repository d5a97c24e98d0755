package cuda

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"testing"

	"github.com/octorl/octorl/kernels"
)

var instance = regexp.MustCompile(`(?m)^GEMM\((\w+), (\w+), (\d+), (\d+), (\d+), (\d+), (\d+), (\w+), (\w+)\)$`)

// gemmTypes are the types of output that are compiled for a form.
var gemmTypes = map[gemmOp][]kernels.Type{
	gemmNT: {kernels.BFloat16, kernels.Float32},
	gemmNN: {kernels.BFloat16},
	gemmTN: {kernels.Float32},
}

// TestTilesAreCompiled compares the tables of tiles with the kernels in the
// sources, both ways.
func TestTilesAreCompiled(t *testing.T) {
	want := map[string]string{}
	for op, types := range gemmTypes {
		for _, kind := range types {
			for _, g := range append(gemmTiles(op), plain) {
				want[g.kernel(op, kind)] = fmt.Sprint(g.rows, g.cols, g.stages, g.blocks, g.cluster, g != plain)
			}
		}
	}
	for _, file := range []string{"gemm_nt", "gemm_nn", "gemm_tn"} {
		source, err := os.ReadFile(file + ".cu")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range instance.FindAllStringSubmatch(string(source), -1) {
			name := file + "." + m[1]
			got := fmt.Sprintf("%s %s %s %s %s %s", m[3], m[4], m[5], m[6], m[7], m[9])
			if want[name] != got {
				t.Errorf("%s is compiled as %s, planned as %s", name, got, want[name])
			}
			delete(want, name)
		}
	}
	if len(want) > 0 {
		t.Errorf("planned but not compiled: %v", want)
	}
}

// TestPlansCoverProducts checks what the kernels rely on, over many shapes.
func TestPlansCoverProducts(t *testing.T) {
	const seed = 11
	r := rand.New(rand.NewPCG(seed, 0))
	size := func() int { return 1 + r.IntN(1<<r.IntN(18)) }
	for range 3000 {
		op := gemmOp(r.IntN(3))
		kind := gemmTypes[op][r.IntN(len(gemmTypes[op]))]
		s := gemmShape{M: size(), N: size(), K: size()}
		p := planGemm(op, s, kind, r.IntN(4) > 0, 132)
		blocks := divideUp(s.K, gemmDepth)
		switch {
		case p.shared > 232448:
			t.Errorf("%+v: %d bytes of shared memory", s, p.shared)
		case p.blocks < 1 || p.blocks > 132:
			t.Errorf("%+v: %d thread blocks", s, p.blocks)
		case p.splits != 1 && op != gemmTN:
			t.Errorf("form %d of %+v: %d parts", op, s, p.splits)
		case (p.splits-1)*splitBlocks(s.K, p.splits) >= blocks:
			t.Errorf("%+v: the last of %d parts is empty", s, p.splits)
		case p.parts > 0 && (p.splits == 1 || p.parts < s.M || p.parts%128 != 0):
			t.Errorf("%+v: %d parts of %d rows", s, p.splits, p.parts)
		case p.boxA < 1 || p.boxA > 128 || p.boxB < 1 || p.boxB > 256:
			t.Errorf("%+v: boxes of %d and %d rows", s, p.boxA, p.boxB)
		case p.band < 1:
			t.Errorf("%+v: bands of %d", s, p.band)
		}
	}
}

// TestPlanFillsTheMachine checks that few rows are spread over many tiles, and
// that many get the large tile.
func TestPlanFillsTheMachine(t *testing.T) {
	few := planGemm(gemmNT, gemmShape{M: 16, N: 2048, K: 2048}, kernels.BFloat16, true, 132)
	if few.blocks < 64 {
		t.Errorf("a decoding step has %d thread blocks, kernel %s", few.blocks, few.kernel)
	}
	many := planGemm(gemmNT, gemmShape{M: 32768, N: 16384, K: 2048}, kernels.BFloat16, true, 132)
	if many.kernel != "gemm_nt.t128x256_c2_bf16" || many.blocks != 132 {
		t.Errorf("a training step runs %s in %d thread blocks", many.kernel, many.blocks)
	}
}
