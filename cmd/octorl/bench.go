package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/octorl/octorl/kernels/cpu"
)

// benchVerb measures devices, tokenizers and the verifier.
type benchVerb struct {
	CPU benchCPUVerb `cmd:"" name:"cpu" help:"Measure the CPU device beside the multiply-add rate of its cores."`
	GPU benchGPUVerb `cmd:"" name:"gpu" help:"Measure a GPU: kernels, training steps and decoding beside their limits."`

	Tokenizer benchTokenizerVerb `cmd:"" name:"tokenizer" help:"Measure a tokenizer on files of text, or on hard texts."`

	Grade benchGradeVerb `cmd:"" name:"grade" help:"Measure the verifier on files of cases: agreement and speed."`
}

// benchCPUVerb measures the CPU device.
type benchCPUVerb struct {
	JSON bool     `name:"json" help:"Print one JSON object instead of a table."`
	Only []string `help:"Parts to run: ${enum}." enum:"peak,sgemm,train,decode,equality" default:"peak,sgemm,train,decode,equality"`
	Reps int      `help:"Repetitions of each measurement." default:"12"`

	Threads []int `help:"Numbers of threads to measure with; default 1 and all of the machine's."`
}

// Help implements kong's help of a verb.
func (v *benchCPUVerb) Help() string {
	return "Rates are medians over repetitions by the clock, with quartiles. Where other programs use the machine, the rate in CPU time " +
		"(work by the seconds that the process's threads ran, times the threads) says what the kernels do; " +
		"it leaves out the time in which a thread had nothing to do. scripts/peers/compare_cpu.sh runs other systems beside it."
}

// Run implements the verb.
func (v *benchCPUVerb) Run(ctx context.Context) error {
	b := &cpuBench{ctx: ctx, reps: max(v.Reps, 1), threads: v.Threads}
	b.report.describe()
	if len(b.threads) == 0 {
		b.threads = slices.Compact([]int{1, b.report.Threads})
	}
	if least := slices.Min(b.threads); least < 1 {
		return fmt.Errorf("bench cpu: --threads %d: give at least 1", least)
	}
	parts := []struct {
		name string
		run  func() error
	}{{"peak", b.peak}, {"sgemm", b.products}, {"train", b.training}, {"decode", b.decoding}, {"equality", b.equality}}
	for _, p := range parts {
		if !slices.Contains(v.Only, p.name) {
			continue
		}
		if err := p.run(); err != nil {
			return fmt.Errorf("bench cpu, %s: %w", p.name, err)
		}
	}
	if v.JSON {
		return json.NewEncoder(os.Stdout).Encode(b.report)
	}
	return b.report.write(os.Stdout)
}

// cpuReport is what octorl bench cpu prints, the form of its JSON.
type cpuReport struct {
	Device       string           `json:"device"`
	Threads      int              `json:"threads"`
	Load         string           `json:"load,omitempty"` // average number of threads that want to run, when it began
	Measurements []rateSummary    `json:"measurements"`
	Equal        []equalityResult `json:"equal,omitempty"`
}

func (r *cpuReport) describe() {
	dev := cpu.Open(cpu.Config{})
	defer dev.Close()
	r.Device, r.Threads = dev.Info().Name, runtime.GOMAXPROCS(0)
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		r.Load, _, _ = strings.Cut(string(load), " ")
	}
}

// find returns the measurement of a name on so many threads, or nil.
func (r *cpuReport) find(name string, threads int) *rateSummary {
	for i := range r.Measurements {
		if m := &r.Measurements[i]; m.Name == name && m.Threads == threads {
			return m
		}
	}
	return nil
}

// write prints the report as a table. The rates that a row is compared with are
// taken from other rows, so they are missing where those have not been run.
func (r *cpuReport) write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s, load %s\n\n", r.Device, r.Load)
	fmt.Fprintln(t, "what\tthreads\tmedian\tquartiles\tbest\tin CPU time\t\tof peak\tof peak, CPU time\tscaling")
	for _, m := range r.Measurements {
		fmt.Fprintf(t, "%s\t%d\t%.4g\t%.4g … %.4g\t%.4g\t%.4g\t%s\t%s\t%s\t%s\n", m.Name, m.Threads, m.Median, m.Low, m.High, m.Best,
			m.CPU, m.Unit, share(m.OfPeak), share(m.OfPeakCPU), share(m.Scaling))
	}
	fmt.Fprintln(t)
	for _, m := range r.Measurements {
		if m.GFLOPs > 0 && m.OfSGEMM > 0 {
			fmt.Fprintf(t, "%s, %d threads: %.4g GFLOP/s, %.2f of SGEMM's rate at its shapes (%.2f in CPU time)\n", m.Name, m.Threads, m.GFLOPs, m.OfSGEMM, m.OfSGEMMCPU)
		}
	}
	for _, e := range r.Equal {
		fmt.Fprintf(t, "logprobs bit-equal %s: %s\n", e.Name, map[bool]string{true: "yes", false: "NO"}[e.Equal])
	}
	return t.Flush()
}

// share formats a ratio, or nothing where it is unknown.
func share(x float64) string {
	if x == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", x)
}
