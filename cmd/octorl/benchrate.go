package main

import (
	"slices"
	"syscall"
	"time"
)

// rateSummary is the rate of one repeated piece of work.
type rateSummary struct {
	Name    string  `json:"name"`
	Threads int     `json:"threads"`
	Unit    string  `json:"unit"`
	Median  float64 `json:"median"` // by the clock, as are the next three
	Low     float64 `json:"low"`    // lower quartile
	High    float64 `json:"high"`   // upper quartile
	Best    float64 `json:"best"`
	CPU     float64 `json:"cpu"` // median, by the threads' CPU time
	Reps    int     `json:"reps"`

	GFLOPs     float64 `json:"gflops,omitempty"`       // of a policy's work
	OfPeak     float64 `json:"of_peak,omitempty"`      // median by the peak of as many cores
	OfPeakCPU  float64 `json:"of_peak_cpu,omitempty"`  // the same in CPU time
	OfSGEMM    float64 `json:"of_sgemm,omitempty"`     // GFLOPs by the rate of the policy's products
	OfSGEMMCPU float64 `json:"of_sgemm_cpu,omitempty"` // the same in CPU time
	Scaling    float64 `json:"scaling,omitempty"`      // median by that of one thread
}

// measurement is a piece of work to repeat.
type measurement struct {
	name    string
	threads int
	unit    string
	work    float64 // units that one run does
	run     func() error
}

// warmups are runs before the first that counts: memory is touched and copies
// of weights in the device's layout are made.
const warmups = 1

// measure repeats m and appends its rate to the report.
func (b *cpuBench) measure(m measurement) error {
	var wall, cpuTime []float64
	for i := range warmups + b.reps {
		if err := b.ctx.Err(); err != nil {
			return err
		}
		start, used := time.Now(), processTime()
		if err := m.run(); err != nil {
			return err
		}
		if i < warmups {
			continue
		}
		wall = append(wall, m.work/time.Since(start).Seconds())
		cpuTime = append(cpuTime, m.work/(processTime()-used).Seconds()*float64(m.threads))
	}
	slices.Sort(wall)
	slices.Sort(cpuTime)
	r := rateSummary{
		Name: m.name, Threads: m.threads, Unit: m.unit, Reps: b.reps,
		Median: quantileOf(wall, 0.5), Low: quantileOf(wall, 0.25), High: quantileOf(wall, 0.75), Best: wall[len(wall)-1],
		CPU: quantileOf(cpuTime, 0.5),
	}
	if one := b.report.find(m.name, 1); one != nil && m.threads > 1 {
		r.Scaling = r.Median / one.Median
	}
	b.report.Measurements = append(b.report.Measurements, r)
	return nil
}

// quantileOf returns the q-quantile of ascending x, between elements where it
// falls there.
func quantileOf(x []float64, q float64) float64 {
	at := q * float64(len(x)-1)
	i := int(at)
	if i+1 == len(x) {
		return x[i]
	}
	return x[i] + (at-float64(i))*(x[i+1]-x[i])
}

// processTime returns how long the process's threads have run.
func processTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
