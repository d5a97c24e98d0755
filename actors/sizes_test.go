package actors

import (
	"testing"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/policy"
)

// TestSizesOn checks sizes by hand. A row of llama3.2-1b takes 888,020 bytes of
// training: (4·2048 + 8192 + (2·2048 + 3072 + 2048 + 2·8192) + 16·25,600)·2 for
// bfloat16, and (3 + 4 + 5 + 16·34)·4. Its state is 18 bytes of each of
// 1,235,814,400 parameters, 22.24 GB.
//
//	143 GB: 128.7 − 22.24 = 106.5 free, of which 6/10 hold 71,900 rows
//	80 GB:  72 − 22.24 = 49.8 free, 33,600 rows
//	40 GB:  36 − 22.24 = 13.8 free, 9,300 rows, so 8192
//
// A completion of 4096 positions has 257 pages of 16: 257·16·16·2·8·64·2 =
// 134.7 MB of cache, a group of 8 1.08 GB. 3/10 of what is free hold 29, 13 and
// 3 groups, so 16, 8, and 8 as the least.
//
// With a critic state and rows are twice that: of 143 GB 84.2 are free, 28,400
// rows and 23 groups; of 80 GB 27.5, 9,290 rows and 7 groups.
func TestSizesOn(t *testing.T) {
	c := policy.Config{
		Architecture: policy.Llama, Vocab: 128256, Hidden: 2048, Layers: 16, FFN: 8192, MaxPositions: 4096,
		Heads: kernels.Heads{Query: 32, KeyValue: 8, Width: 64}, TieEmbeddings: true,
	}
	gpu := func(memory int64) kernels.Info { return kernels.Info{Compute: kernels.BFloat16, Memory: memory} }
	for _, tt := range []struct {
		info   kernels.Info
		critic bool
		want   Sizes
	}{
		{kernels.Info{Compute: kernels.Float32}, false, Sizes{4096, 4096, 8}},
		{gpu(143e9), false, Sizes{32768, 8192, 16}},
		{gpu(80e9), false, Sizes{32768, 8192, 8}},
		{gpu(40e9), false, Sizes{8192, 8192, 8}},
		{gpu(1e9), false, Sizes{4096, 4096, 8}},
		{gpu(143e9), true, Sizes{16384, 8192, 16}},
		{gpu(80e9), true, Sizes{8192, 8192, 8}},
	} {
		if got := SizesOn(tt.info, c, Needs{Samples: 8, Critic: tt.critic}); got != tt.want {
			t.Errorf("%d GB, critic %t: %+v, want %+v", tt.info.Memory/1e9, tt.critic, got, tt.want)
		}
	}
}
