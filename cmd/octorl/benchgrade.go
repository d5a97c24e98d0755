package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/octorl/octorl/reward"
	"github.com/octorl/octorl/rollout/trajectory"
)

// benchGradeVerb measures the verifier on files of cases.
type benchGradeVerb struct {
	Files []string `arg:"" help:"JSON Lines with gold, pred and, where known, equal; also mode (answer or response), tier, category, id and question." type:"existingfile"`
	Reps  int      `help:"How often each case is judged." default:"40"`
	JSON  bool     `name:"json" help:"Print one JSON object instead of tables."`
	Quiet bool     `help:"Leave out the cases that disagree."`
}

// Help implements kong's help of a verb.
func (v *benchGradeVerb) Help() string {
	return "Judges every case on one core. Agreement is counted by tier where a case says whether its answers are equal. " +
		"The rate is that of a mix in which each case takes its median time. scripts/peers/grade_bench.py runs other verifiers on the same files."
}

// gradeCase is a line of a file of cases.
type gradeCase struct {
	ID       string `json:"id"`
	Mode     string `json:"mode"` // answer, the default, or response
	Category string `json:"category"`
	Tier     string `json:"tier"`
	Gold     string `json:"gold"`
	Pred     string `json:"pred"`
	Question string `json:"question"`
	Equal    *bool  `json:"equal"`
}

func (c gradeCase) verify(ctx context.Context) reward.Result {
	p := trajectory.Problem{Question: c.Question, Answer: c.Gold}
	if c.Mode == "response" {
		return reward.MathVerifier{From: reward.FromAnywhere}.Verify(ctx, p, c.Pred)
	}
	return reward.CompareAnswer(ctx, p, c.Pred)
}

// Run implements the verb.
func (v *benchGradeVerb) Run(ctx context.Context) error {
	var cases []gradeCase
	for _, name := range v.Files {
		more, err := readGradeCases(name)
		if err != nil {
			return err
		}
		cases = append(cases, more...)
	}
	if len(cases) == 0 {
		return errors.New("bench grade: the files have no cases")
	}
	report := gradeReport{Cases: len(cases)}
	report.judge(ctx, cases)
	if err := report.time(ctx, cases, max(v.Reps, 1)); err != nil {
		return err
	}
	if v.Quiet {
		report.Disagree = nil
	}
	if v.JSON {
		return json.NewEncoder(os.Stdout).Encode(report)
	}
	return report.write(os.Stdout)
}

func readGradeCases(name string) ([]gradeCase, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []gradeCase
	d := json.NewDecoder(f)
	for {
		var c gradeCase
		if err := d.Decode(&c); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("read case %d of %s: %w", len(all)+1, name, err)
		}
		all = append(all, c)
	}
}

// gradeReport is what octorl bench grade prints, the form of its JSON.
type gradeReport struct {
	Cases    int             `json:"cases"`
	Tiers    []gradeTier     `json:"tiers"`
	Disagree []gradeDisagree `json:"disagree"`
	Failed   int             `json:"failed"`
	Reps     int             `json:"reps"`
	Rate     float64         `json:"rate"`       // verdicts a second, each case by its median
	Clock    float64         `json:"clock_rate"` // verdicts a second by the clock, pauses of the runtime included
	P50      float64         `json:"p50_us"`     // of all verdicts, microseconds
	P99      float64         `json:"p99_us"`
	P999     float64         `json:"p99_9_us"`
	Max      float64         `json:"max_us"`
	Slowest  string          `json:"slowest"` // the case with the largest median
	SlowUS   float64         `json:"slowest_us"`
}

// gradeTier is the agreement on the cases of a tier.
type gradeTier struct {
	Tier       string `json:"tier"`
	Cases      int    `json:"cases"`
	Agree      int    `json:"agree"`
	Negatives  int    `json:"negatives"`
	FalseRight int    `json:"false_right"`
}

// gradeDisagree is a case that the verifier judges otherwise than it says.
type gradeDisagree struct {
	ID        string `json:"id"`
	Tier      string `json:"tier"`
	Category  string `json:"category"`
	Verdict   string `json:"verdict"`
	Gold      string `json:"gold"`
	Extracted string `json:"extracted"`
}

// judge counts agreement.
func (r *gradeReport) judge(ctx context.Context, cases []gradeCase) {
	for i, c := range cases {
		got := c.verify(ctx)
		if got.Verdict == reward.Failed {
			r.Failed++
		}
		if c.Equal == nil {
			continue
		}
		tier, right := r.tier(c.Tier), got.Verdict == reward.Right
		tier.Cases++
		if !*c.Equal {
			tier.Negatives++
			if right {
				tier.FalseRight++
			}
		}
		if right == *c.Equal {
			tier.Agree++
			continue
		}
		if c.ID == "" {
			c.ID = fmt.Sprintf("case %d", i+1)
		}
		r.Disagree = append(r.Disagree, gradeDisagree{c.ID, c.Tier, c.Category, got.Verdict.String(), c.Gold, got.Extracted})
	}
}

func (r *gradeReport) tier(name string) *gradeTier {
	i := slices.IndexFunc(r.Tiers, func(t gradeTier) bool { return t.Tier == name })
	if i < 0 {
		r.Tiers = append(r.Tiers, gradeTier{Tier: name})
		i = len(r.Tiers) - 1
	}
	return &r.Tiers[i]
}

// time judges every case reps times on one core.
func (r *gradeReport) time(ctx context.Context, cases []gradeCase, reps int) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	took := make([][]float64, len(cases))
	all := make([]float64, 0, len(cases)*reps)
	start := time.Now()
	for range reps {
		if err := ctx.Err(); err != nil {
			return err
		}
		for i, c := range cases {
			began := time.Now()
			c.verify(ctx)
			us := float64(time.Since(began).Nanoseconds()) / 1000
			took[i] = append(took[i], us)
			all = append(all, us)
		}
	}
	r.Reps, r.Clock = reps, float64(len(all))/time.Since(start).Seconds()
	sum := 0.0
	for i, t := range took {
		slices.Sort(t)
		median := quantileOf(t, 0.5)
		sum += median
		if median > r.SlowUS {
			r.SlowUS, r.Slowest = median, cases[i].Gold
		}
	}
	slices.Sort(all)
	r.Rate = float64(len(cases)) / sum * 1e6
	r.P50, r.P99, r.P999, r.Max = quantileOf(all, 0.5), quantileOf(all, 0.99), quantileOf(all, 0.999), all[len(all)-1]
	return nil
}

func (r *gradeReport) write(w io.Writer) error {
	for _, d := range r.Disagree {
		fmt.Fprintf(w, "%s %s %s: %s for %.80q against %.80q\n", d.ID, d.Tier, d.Category, d.Verdict, d.Extracted, d.Gold)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "tier\tcases\tagree\tshare\tnegatives\tof these called right")
	for _, c := range r.Tiers {
		fmt.Fprintf(t, "%s\t%d\t%d\t%.2f %%\t%d\t%d\n", c.Tier, c.Cases, c.Agree, 100*float64(c.Agree)/float64(c.Cases), c.Negatives, c.FalseRight)
	}
	fmt.Fprintf(t, "\nfailed\t%d of %d\n", r.Failed, r.Cases)
	fmt.Fprintf(t, "verdicts a second, one core\t%.0f\tby the clock %.0f\t%d cases, each %d times\n", r.Rate, r.Clock, r.Cases, r.Reps)
	fmt.Fprintf(t, "a verdict, microseconds\tp50 %.1f\tp99 %.1f\tp99.9 %.1f\tmax %.1f\n", r.P50, r.P99, r.P999, r.Max)
	fmt.Fprintf(t, "slowest case\t%.1f\t%.60s\n", r.SlowUS, r.Slowest)
	return t.Flush()
}
