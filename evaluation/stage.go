package evaluation

import "fmt"

// StageRow is the result of evaluating one stage of a run on one benchmark: a greedy
// summary, with PassAt and MajAt taken from sampled completions where there are any.
type StageRow struct {
	Stage string // with the benchmark where there are several
	Summary
}

// StageRows returns the rows of a stage: one for each benchmark of r that was asked
// greedily.
func StageRows(stage string, r Result) []StageRow {
	benchmarks := r.byBenchmark()
	rows := make([]StageRow, len(benchmarks))
	for i, b := range benchmarks {
		rows[i] = StageRow{stage, b.greedy.Summary}
		rows[i].PassAt, rows[i].MajAt = nil, nil
		if b.sampled != nil {
			rows[i].PassAt, rows[i].MajAt = b.sampled.Summary.PassAt, b.sampled.Summary.MajAt
		}
		if len(benchmarks) > 1 {
			rows[i].Stage += " " + b.greedy.Settings.Benchmark
		}
	}
	return rows
}

// bothWays is what a result has of one benchmark.
type bothWays struct {
	greedy, sampled *BenchmarkResult // sampled is nil where nothing was
}

// byBenchmark pairs the greedy results with the sampled ones, in order.
func (r Result) byBenchmark() []bothWays {
	var all []bothWays
	for i, b := range r.Benchmarks {
		if b.Settings.Temperature > 0 {
			continue
		}
		both := bothWays{greedy: &r.Benchmarks[i]}
		for k, other := range r.Benchmarks {
			if other.Settings.Temperature > 0 && other.Settings.Benchmark == b.Settings.Benchmark {
				both.sampled = &r.Benchmarks[k]
			}
		}
		all = append(all, both)
	}
	return all
}

// Values returns the metrics of an evaluation: means over its benchmarks, and where
// there are several also those of each, with its name behind a slash. Failed
// verifications are summed.
func Values(r Result) map[string]float64 {
	benchmarks := r.byBenchmark()
	out, having := map[string]float64{}, map[string]int{}
	for _, b := range benchmarks {
		for name, v := range b.values() {
			out[name] += v
			having[name]++
			if len(benchmarks) > 1 {
				out[name+"/"+b.greedy.Settings.Benchmark] = v
			}
		}
	}
	for name, n := range having {
		if name != valueFailed {
			out[name] /= float64(n)
		}
	}
	return out
}

const valueFailed = "heldout_verifier_failed"

func (b bothWays) values() map[string]float64 {
	s := b.greedy.Summary
	out := map[string]float64{
		"heldout_accuracy": s.Accuracy, "heldout_format_rate": s.FormatRate, "heldout_truncation": s.TruncationRate,
		"heldout_length": s.MeanTokensAll, "heldout_length_right": s.MeanTokensRight, valueFailed: float64(s.Failed),
	}
	if b.sampled == nil {
		return out
	}
	out[valueFailed] += float64(b.sampled.Summary.Failed)
	for k, p := range b.sampled.Summary.PassAt {
		out[fmt.Sprintf("heldout_pass_at_%d", k)] = p
	}
	for k, p := range b.sampled.Summary.MajAt {
		out[fmt.Sprintf("heldout_maj_at_%d", k)] = p
	}
	return out
}
