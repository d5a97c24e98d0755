package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/octorl/octorl/actors/bus"
	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/kernels/cpu"
	"github.com/octorl/octorl/kernels/cuda"
)

// doctorVerb says what a machine has and lacks.
type doctorVerb struct {
	Quick bool `help:"Only look, measure nothing."`
}

// Help implements kong's help of a verb.
func (v *doctorVerb) Help() string {
	return "Each line is something that octorl uses, measured in a few seconds, or says what is missing and how to get it. " +
		"Nothing that is missing keeps octorl from running on the CPU."
}

// Run implements the verb.
func (v *doctorVerb) Run(ctx context.Context) error {
	return v.examine(ctx, os.Stdout)
}

// examine writes a line for each thing that octorl uses.
func (v *doctorVerb) examine(ctx context.Context, out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(what, format string, args ...any) { fmt.Fprintf(t, what+"\t"+format+"\n", args...) }
	line("octorl", "%s, %s/%s, %s", programVersion(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	line("processor", "%s", v.processor())
	line("memory", "%s", hostMemory())
	line("bus", "%s", embeddedBus(ctx))
	devices, err := cuda.Devices()
	if err != nil {
		line("cuda", "%v%s", err, howToGetCUDA())
	}
	for _, d := range devices {
		line(fmt.Sprintf("cuda:%d", d.Ordinal), "%s", v.describe(d))
		if !d.Supported {
			line("", "not used: the embedded kernels need compute capability 8.0 (A100) or later")
			continue
		}
		line("", "%s", kernelsOf(d))
		if !v.Quick {
			line("", "%s", measureGPU(d.Ordinal))
		}
	}
	return t.Flush()
}

// programVersion returns the version that go put into the program.
func programVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "of unknown version"
}

// processor describes the CPU device.
func (v *doctorVerb) processor() string {
	dev := cpu.Open(cpu.Config{})
	defer dev.Close()
	s := dev.Info().Name
	if n := runtime.NumCPU(); n != dev.Info().Threads {
		s += fmt.Sprintf(" of %d processors", n)
	}
	if strings.Contains(s, "portable") {
		s += "; without AVX2 and FMA products are several times slower"
	}
	if v.Quick {
		return s
	}
	start := time.Now()
	done := cpu.MultiplyAdd(3e9)
	return fmt.Sprintf("%s, %.0f GFLOP/s a thread", s, done/time.Since(start).Seconds()/1e9)
}

// hostMemory reads what Linux says of the memory; elsewhere it does not know.
func hostMemory() string {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return "not known on " + runtime.GOOS
	}
	var total, available float64
	for entry := range strings.Lines(string(b)) {
		fmt.Sscanf(entry, "MemTotal: %f kB", &total)
		fmt.Sscanf(entry, "MemAvailable: %f kB", &available)
	}
	return fmt.Sprintf("%.1f GiB, %.1f available", total/(1<<20), available/(1<<20))
}

// embeddedBus starts the bus that a run on one machine uses and sends a message
// round.
func embeddedBus(ctx context.Context) string {
	took, err := roundTrip(ctx)
	if err != nil {
		return fmt.Sprintf("the embedded bus does not work: %v", err)
	}
	return fmt.Sprintf("embedded NATS works, a request takes %s", took.Round(10*time.Microsecond))
}

func roundTrip(ctx context.Context) (time.Duration, error) {
	dir, err := os.MkdirTemp("", "octorl-doctor")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	b, err := bus.Open(bus.Config{StoreDir: dir, Name: "doctor"})
	if err != nil {
		return 0, err
	}
	defer b.Close()
	subject := bus.Subject("doctor", "health", "requested", "bus")
	stop, err := b.Respond(subject, func(_ string, data []byte) []byte { return data })
	if err != nil {
		return 0, err
	}
	defer stop()
	var took []time.Duration
	for range 20 {
		start := time.Now()
		if _, err := b.Request(ctx, subject, []byte("ping")); err != nil {
			return 0, err
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

// howToGetCUDA says what would give this machine a GPU.
func howToGetCUDA() string {
	if !cuda.Built {
		return " (it needs a C compiler and CUDA's headers, and finds them or says how to get them)"
	}
	return "; octorl needs a card of compute capability 8.0 or later (best an H100 or H200) and driver 580 or later, and no CUDA toolkit"
}

func (v *doctorVerb) describe(d cuda.Description) string {
	peers := "no peer access"
	if len(d.Peers) > 0 {
		peers = fmt.Sprintf("peer access to %v", d.Peers)
	}
	return fmt.Sprintf("%s, compute capability %s, %d multiprocessors, %.1f GiB, driver for CUDA %s, %s",
		d.Name, d.Capability, d.Multiprocessor, float64(d.Memory)/(1<<30), d.Driver, peers)
}

// kernelsOf says which embedded kernels a device runs.
func kernelsOf(d cuda.Description) string {
	if d.Native {
		return "runs the kernels made for it"
	}
	return "runs the kernels for any card (PTX, which the driver compiles): right, and slower than those that an H100 or H200 has"
}

// measureGPU measures the two limits of every kernel: the bandwidth of memory
// and the rate of products.
func measureGPU(ordinal int) string {
	dev, err := cuda.Open(cuda.Config{Ordinal: ordinal})
	if err != nil {
		return err.Error()
	}
	defer dev.Close()
	taken := ""
	if o, ok := dev.(occupant); ok {
		taken = fmt.Sprintf(", %s in use with these kernels loaded", formatBytes(int(o.Occupied())))
	}
	bandwidth, rate, err := deviceLimits(dev)
	if err != nil {
		return fmt.Sprintf("does not work: %v", err)
	}
	return fmt.Sprintf("copies %.2f TB/s (read and written), multiplies %.0f TFLOP/s in bfloat16%s", bandwidth/1e12, rate/1e12, taken)
}

// deviceLimits returns a device's bandwidth in bytes a second, read and written,
// and its rate of large products in operations a second.
func deviceLimits(dev kernels.Device) (bandwidth, rate float64, err error) {
	const elements, n, rounds = 1 << 30, 8192, 10
	l := kernels.LinearShape{Rows: n, In: n, Out: n}
	buffers := make([]kernels.Buffer, 4)
	for i, size := range []int{elements, elements, n * n, n * n} {
		if buffers[i], err = dev.Alloc(dev.Info().Compute, size); err != nil {
			return 0, 0, err
		}
		defer dev.Free(buffers[i])
	}
	r := rand.New(rand.NewPCG(1, 1))
	values := make([]float32, n*n)
	for i := range values {
		values[i] = float32(r.NormFloat64())
	}
	dev.Upload(buffers[2], values)
	dev.Upload(buffers[3], values)
	seconds := func(work func()) (float64, error) {
		work()
		if err := dev.Wait(dev.Mark()); err != nil {
			return 0, err
		}
		start := time.Now()
		for range rounds {
			work()
		}
		err := dev.Wait(dev.Mark())
		return time.Since(start).Seconds() / rounds, err
	}
	copied, err := seconds(func() { dev.Copy(buffers[0], buffers[1]) })
	if err != nil {
		return 0, 0, err
	}
	multiplied, err := seconds(func() { dev.Linear(l, buffers[0].Slice(0, n*n), buffers[2], buffers[3], nil) })
	if err != nil {
		return 0, 0, err
	}
	bytes := float64(2 * elements * dev.Info().Compute.Size())
	return bytes / copied, 2 * float64(n) * float64(n) * float64(n) / multiplied, nil
}
