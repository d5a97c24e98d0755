package cuda

import (
	"fmt"
	"math"

	"github.com/octorl/octorl/kernels"
)

// gemmOp is the form of a matrix product.
type gemmOp uint8

const (
	gemmNT gemmOp = iota // out[M,N] = a[M,K]·b[N,K]ᵀ
	gemmNN               // out[M,N] = a[M,K]·b[K,N]
	gemmTN               // out[M,N] = a[K,M]ᵀ·b[K,N]
)

// gemmShape is the size of a product and the distances between rows, in
// elements; 0 stands for rows that follow each other.
type gemmShape struct{ M, N, K, LdA, LdB, LdOut int }

// gemmDepth is the reduced index of one block, 128 bytes.
const gemmDepth = 64

// gemmTile is a compiled tile shape: rows by cols of the output, a ring of
// stages of blocks times gemmDepth of the reduced index, and the thread blocks
// that share b's tile. Clocks, of one block of the reduced index and of a tile
// beside that, are measured on an H100.
type gemmTile struct {
	rows, cols, stages, blocks, cluster int
	blockClocks, tileClocks             float64
}

// The tile shapes of gemm_nt.cu, gemm_nn.cu and gemm_tn.cu.
var (
	tile256 = gemmTile{128, 256, 4, 1, 2, 1024, 3100}
	tile192 = gemmTile{128, 192, 4, 1, 2, 770, 2450}
	tile160 = gemmTile{128, 160, 4, 1, 2, 630, 2450}
	tile128 = gemmTile{128, 128, 6, 1, 2, 675, 3500}
	tile320 = gemmTile{128, 320, 3, 1, 2, 1300, 3100}
	wide    = gemmTile{128, 320, 3, 1, 1, 1340, 3100}
	alone   = gemmTile{128, 128, 6, 1, 1, 700, 2000}
	narrow  = gemmTile{128, 64, 8, 1, 1, 290, 3200}
	square  = gemmTile{64, 64, 3, 4, 1, 315, 400}
	thin    = gemmTile{64, 32, 4, 4, 1, 270, 450}
	thinner = gemmTile{64, 16, 5, 4, 1, 225, 100}
	plain   = gemmTile{64, 64, 4, 1, 1, 1000, 2000} // any address and stride
)

// gemmTiles returns the tiles compiled for a form and type of output, beside
// plain.
func gemmTiles(op gemmOp) []gemmTile {
	if op == gemmNT {
		return []gemmTile{tile256, tile192, tile160, tile128, alone, narrow, square, thin, thinner}
	}
	if op == gemmNN {
		return []gemmTile{tile256, tile192, tile160, tile128, square}
	}
	return []gemmTile{tile256, tile192, tile320, wide, tile128, square}
}

// gemmPlan is how a product is computed.
type gemmPlan struct {
	kernel                  string
	blocks, threads, shared int  // of the launch
	band                    int  // rows of tiles, over the cluster, taken together
	splits                  int  // parts of K
	parts                   int  // rows of the stack that holds a part, or 0 where parts are added in place
	maps                    bool // the copy engine loads operands
	swizzle                 int  // bytes of rows of the boxes in which it stores the output, or 0
	boxA, boxB              int  // rows of the operands' boxes
}

// planGemm chooses among the compiled kernels of a form and type of output.
// What it chooses changes no bit of the result, except the parts of K of TN,
// which depend on the shape alone.
func planGemm(op gemmOp, s gemmShape, t kernels.Type, aligned bool, sms int) gemmPlan {
	if !aligned {
		return plain.plan(op, s, t, 1, false, sms)
	}
	best, least := gemmPlan{}, math.Inf(1)
	for _, tile := range gemmTiles(op) {
		for splits := 1; splits <= maxSplits; splits++ {
			part := splitBlocks(s.K, splits)
			if splits > 1 && (op != gemmTN || tile.rows != 128 || (splits-1)*part >= divideUp(s.K, gemmDepth)) {
				continue
			}
			tiles := tile.tiles(s)
			stacked := splits > 1 && tiles*splits <= sms
			if splits > 1 && !stacked && tiles > maxSplitTiles {
				continue
			}
			if c := tile.clocks(s, splits, stacked, sms); c < least {
				best, least = tile.plan(op, s, t, splits, stacked, sms), c
			}
		}
	}
	return best
}

const (
	maxSplits     = 44   // parts of K at most
	maxSplitTiles = 4096 // tiles that can be added in turn, as in gemm.cuh
)

// splitBlocks returns the blocks of the reduced index in each part but the last.
func splitBlocks(k, splits int) int { return divideUp(divideUp(k, gemmDepth), splits) }

func divideUp(n, by int) int { return (n + by - 1) / by }

// tiles returns the number of tiles, those of whole clusters.
func (g gemmTile) tiles(s gemmShape) int {
	return divideUp(s.M, g.rows*g.cluster) * g.cluster * divideUp(s.N, g.cols)
}

// Fitted to measured times like the clocks of tiles: memory moves memoryBytes a
// clock and the second-level cache cacheBytes; adding a part in place costs
// partClocks, a second kernel that adds all stackClocks.
const (
	memoryBytes = 4000
	cacheBytes  = 5300
	partClocks  = 12000
	stackClocks = 1000
)

// clocks estimates the time of a product: waves of tiles, or memory or the cache
// where those take longer.
func (g gemmTile) clocks(s gemmShape, splits int, stacked bool, sms int) float64 {
	tiles, part := g.tiles(s)*splits, splitBlocks(s.K, splits)
	waves := divideUp(tiles, sms/g.cluster*g.cluster)
	work := float64(waves) * (float64(part)*g.blockClocks + g.tileClocks)
	loaded := (min(g.rows, s.M) + g.cols/g.cluster) * gemmDepth * 2
	work = max(work, float64(tiles*part)*float64(loaded)/cacheBytes+g.tileClocks)
	if stacked {
		work += stackClocks + float64(8*splits*s.M*s.N)/cacheBytes
	} else if splits > 1 {
		work += float64(waves) * partClocks
	}
	moved := 2 * (s.M*s.K + s.N*s.K + s.M*s.N)
	return max(work, float64(moved)/memoryBytes) + work/16
}

// plan lays out the launch of a tile's kernel.
func (g gemmTile) plan(op gemmOp, s gemmShape, t kernels.Type, splits int, stacked bool, sms int) gemmPlan {
	consumers := g.rows / 64
	cols := g.cols
	if op != gemmNT {
		cols = divideUp(cols, 64) * 64
	}
	p := gemmPlan{
		kernel:  g.kernel(op, t),
		blocks:  min(g.tiles(s)*splits, sms/g.cluster*g.cluster),
		threads: 128 * (consumers + 1),
		shared:  g.stages * (g.blocks*(g.rows+cols)*gemmDepth*2 + 16),
		band:    max(1, int(math.Round(math.Sqrt(float64(sms*g.cols)/float64(g.rows))/float64(g.cluster)))),
		splits:  splits,
		maps:    g != plain,
		boxA:    64,
		boxB:    64,
	}
	if stacked {
		p.parts = divideUp(s.M, g.rows*g.cluster) * g.rows * g.cluster
	}
	if g.rows == 128 {
		p.shared += consumers * 2 * 8192
		p.swizzle = 128
		if g.cols*t.Size()%128 != 0 {
			p.swizzle = 64
		}
	}
	if op != gemmTN {
		p.boxA = min(g.rows, divideUp(s.M, 8)*8)
	}
	if op == gemmNT {
		p.boxB = g.cols / g.cluster
	} else if cols/64%g.cluster != 0 {
		p.boxB = 64 / g.cluster
	}
	return p
}

// kernel returns the name of the tile's kernel.
func (g gemmTile) kernel(op gemmOp, t kernels.Type) string {
	file := [...]string{"gemm_nt", "gemm_nn", "gemm_tn"}[op]
	if g == plain {
		return file + ".any_" + gemmSuffix(t)
	}
	return fmt.Sprintf("%s.t%dx%d_c%d_%s", file, g.rows, g.cols, g.cluster, gemmSuffix(t))
}

// gemmSuffix returns the ending of the names of kernels by the type of output.
func gemmSuffix(t kernels.Type) string {
	if t == kernels.Float32 {
		return "f32"
	}
	return "bf16"
}
