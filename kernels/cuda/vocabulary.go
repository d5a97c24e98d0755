//go:build cuda

package cuda

import "fmt"

// rowShare is how softmax.cuh shares a row of logits: blocks, which are a
// cluster, threads of each, and quads of logits of a thread, which are held in
// registers or stay in shared memory.
type rowShare struct{ blocks, threads, held, staged int }

// rowShares are those of row_staged.cuh, shortest rows first.
var rowShares = []rowShare{
	{1, 128, 1, 0}, {1, 128, 2, 0}, {1, 128, 4, 0}, {1, 128, 8, 0}, {1, 256, 8, 0}, {1, 512, 8, 0}, {1, 1024, 8, 0},
	{1, 1024, 8, 8}, {2, 1024, 8, 8}, {2, 1024, 8, 12}, {4, 1024, 8, 8},
}

// portableShares are those of row_read.cuh, whose kernels need no dynamic shared
// memory.
var portableShares = []rowShare{{1, 128, 8, 0}, {1, 1024, 8, 0}, {1, 1024, 8, 120}}

// logits returns the longest row.
func (s rowShare) logits() int { return 4 * s.blocks * s.threads * (s.held + s.staged) }

// grid returns that of so many clusters of the device's kernels.
func (d *Device) grid(s rowShare, clusters int) grid {
	g := grid{x: clusters * s.blocks, threads: s.threads}
	if !d.portable {
		g.shared = 16 * s.threads * max(s.held, s.staged)
	}
	return g
}

// kernel returns the name of the kernel that begins so.
func (s rowShare) kernel(name string) string {
	return fmt.Sprintf("%s_%d_%d_%d_%d", name, s.blocks, s.threads, s.held, s.staged)
}

// vocabulary is the last dimension of logits. Rows are padded to whole packs.
type vocabulary struct {
	rowShare
	size, stride int
}

// newVocabulary returns how rows of size logits are laid out and shared. It
// depends on size and the set of kernels alone, so that the order of sums does.
func newVocabulary(size int, shares []rowShare) vocabulary {
	for _, s := range shares {
		if size <= s.logits() {
			return vocabulary{s, size, packsOf(size) * packed}
		}
	}
	panic(fmt.Sprintf("cuda: a vocabulary of %d is more than the %d that the kernels take", size, shares[len(shares)-1].logits()))
}

// rowShares returns how the device's kernels share rows of logits.
func (d *Device) rowShares() []rowShare {
	if d.portable {
		return portableShares
	}
	return rowShares
}
