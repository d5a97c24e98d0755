package learner

import (
	"slices"
	"testing"
)

func TestCutByHand(t *testing.T) {
	for _, c := range []struct {
		sizes []int
		limit int
		want  []span
	}{
		{nil, 5, nil},
		{[]int{5}, 5, []span{{0, 1}}},
		{[]int{2, 3, 1}, 5, []span{{0, 2}, {2, 3}}},
		{[]int{4, 4, 4}, 5, []span{{0, 1}, {1, 2}, {2, 3}}},
		{[]int{1, 1, 1, 1}, 3, []span{{0, 3}, {3, 4}}},
	} {
		if got := cut(c.sizes, c.limit); !slices.Equal(got, c.want) {
			t.Errorf("cut(%v, %d) = %v, want %v", c.sizes, c.limit, got, c.want)
		}
	}
}
