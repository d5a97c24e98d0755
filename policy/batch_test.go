package policy

import (
	"reflect"
	"testing"

	"github.com/octorl/octorl/kernels"
)

func TestPackDocuments(t *testing.T) {
	got := PackDocuments([][]int32{{5, 6, 7}, {8}, {}, {9, 10}})
	want := Batch{
		IDs: []int32{5, 6, 9}, Positions: []int32{0, 1, 0},
		Segments: []kernels.Segment{{Start: 0, Len: 2}, {Start: 2, Len: 1}},
		Rows:     []int32{0, 1, 2}, Targets: []int32{6, 7, 10},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, expected %+v", got, want)
	}
}

func TestPackGroups(t *testing.T) {
	got := PackGroups([]PromptCompletions{
		{Prompt: []int32{1, 2}, Completions: [][]int32{{3, 4, 5}, {6}, {}, {7, 8}}},
		{Prompt: []int32{9}, Completions: [][]int32{{10, 11}}},
	})
	want := Batch{
		IDs:       []int32{1, 2, 3, 4, 7, 9, 10},
		Positions: []int32{0, 1, 2, 3, 2, 0, 1},
		Segments: []kernels.Segment{{Start: 0, Len: 2}, {Start: 2, Len: 2, PrefixStart: 0, PrefixLen: 2},
			{Start: 4, Len: 1, PrefixStart: 0, PrefixLen: 2}, {Start: 5, Len: 1}, {Start: 6, Len: 1, PrefixStart: 5, PrefixLen: 1}},
		Rows:    []int32{1, 2, 3, 1, 1, 4, 5, 6},
		Targets: []int32{3, 4, 5, 6, 7, 8, 10, 11},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, expected %+v", got, want)
	}
}

func TestPackGroupsRefusesEmptyPrompt(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an empty prompt was packed")
		}
	}()
	PackGroups([]PromptCompletions{{Completions: [][]int32{{1}}}})
}
