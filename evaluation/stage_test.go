package evaluation

import (
	"maps"
	"testing"
)

// twoBenchmarks is a result of two benchmarks, of which the first was sampled, too.
func twoBenchmarks() Result {
	of := func(name string, temperature float32, s Summary) BenchmarkResult {
		return BenchmarkResult{Settings: Settings{Benchmark: name, Temperature: temperature}, Summary: s}
	}
	return Result{Benchmarks: []BenchmarkResult{
		of("a", 0, Summary{Accuracy: 0.5, FormatRate: 1, MeanTokensAll: 10, Failed: 1, PassAt: map[int]float64{1: 0.5}}),
		of("a", 1, Summary{Accuracy: 0.25, Failed: 2, PassAt: map[int]float64{1: 0.25, 4: 0.75}, MajAt: map[int]float64{4: 0.5}}),
		of("b", 0, Summary{Accuracy: 1, FormatRate: 0.5, MeanTokensAll: 30, TruncationRate: 0.5}),
	}}
}

func TestStageRows(t *testing.T) {
	r := twoBenchmarks()
	rows := StageRows("rl", r)
	if len(rows) != 2 || rows[0].Stage != "rl a" || rows[1].Stage != "rl b" {
		t.Fatalf("rows %+v", rows)
	}
	if a := rows[0]; a.Accuracy != 0.5 || a.PassAt[1] != 0.25 || a.PassAt[4] != 0.75 || a.MajAt[4] != 0.5 {
		t.Errorf("sampled, too: %+v", a)
	}
	if b := rows[1]; b.Accuracy != 1 || b.PassAt != nil {
		t.Errorf("greedy alone: %+v", b)
	}
	r.Benchmarks = r.Benchmarks[:2]
	if rows = StageRows("rl", r); len(rows) != 1 || rows[0].Stage != "rl" {
		t.Errorf("of one benchmark: %+v", rows)
	}
}

func TestValues(t *testing.T) {
	r := twoBenchmarks()
	want := map[string]float64{
		"heldout_accuracy": 0.75, "heldout_accuracy/a": 0.5, "heldout_accuracy/b": 1,
		"heldout_format_rate": 0.75, "heldout_format_rate/a": 1, "heldout_format_rate/b": 0.5,
		"heldout_length": 20, "heldout_length/a": 10, "heldout_length/b": 30,
		"heldout_length_right": 0, "heldout_length_right/a": 0, "heldout_length_right/b": 0,
		"heldout_truncation": 0.25, "heldout_truncation/a": 0, "heldout_truncation/b": 0.5,
		"heldout_verifier_failed": 3, "heldout_verifier_failed/a": 3, "heldout_verifier_failed/b": 0,
		"heldout_pass_at_1": 0.25, "heldout_pass_at_1/a": 0.25, "heldout_pass_at_4": 0.75, "heldout_pass_at_4/a": 0.75,
		"heldout_maj_at_4": 0.5, "heldout_maj_at_4/a": 0.5,
	}
	if got := Values(r); !maps.Equal(got, want) {
		t.Errorf("values %v, want %v", got, want)
	}
	r.Benchmarks = r.Benchmarks[2:]
	if got := Values(r); len(got) != 6 || got["heldout_accuracy"] != 1 {
		t.Errorf("of one benchmark: %v", got)
	}
}
