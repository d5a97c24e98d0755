//go:build cuda

package cuda

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// TestShareRow checks that every width has threads enough, no more than the
// kernels are compiled for, in whole warps.
func TestShareRow(t *testing.T) {
	for width := 1; width <= 8192; width++ {
		for _, choices := range [][]int{{4, 3, 2, 1}, {2, 1, 4}} {
			s := shareRow(width, choices...)
			most := 512
			if s.packs == 1 {
				most = 1024
			}
			if s.lanes*s.packs*packed < width || s.lanes%warp != 0 || s.lanes*s.groups > most {
				t.Fatalf("a row of %d is shared as %+v", width, s)
			}
		}
	}
}

// TestVocabulary checks that every vocabulary has threads enough, and rows that
// begin on 16 bytes in both types.
func TestVocabulary(t *testing.T) {
	for _, shares := range [][]rowShare{rowShares, portableShares} {
		for size := 1; size <= 1<<18; size += 1 + size/50 {
			v := newVocabulary(size, shares)
			if v.logits() < size || v.stride < size || v.stride%packed != 0 {
				t.Fatalf("a vocabulary of %d is %+v", size, v)
			}
		}
	}
}

// TestSharesAreCompiled compares the tables of shares with the kernels in the
// sources, in order.
func TestSharesAreCompiled(t *testing.T) {
	kernel := regexp.MustCompile(`(?m)^ +KERNEL\((\d+), (\d+), (\d+), (\d+)\)`)
	for file, shares := range map[string][]rowShare{"row_staged.cuh": rowShares, "row_read.cuh": portableShares} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var compiled []rowShare
		for _, m := range kernel.FindAllStringSubmatch(string(source), -1) {
			var s rowShare
			for i, field := range []*int{&s.blocks, &s.threads, &s.held, &s.staged} {
				*field, _ = strconv.Atoi(m[i+1])
			}
			compiled = append(compiled, s)
		}
		if !slices.Equal(compiled, shares) {
			t.Errorf("%s compiles %v, planned are %v", file, compiled, shares)
		}
	}
}
