// Package kerneltest is the conformance suite of kernels.Device: what any
// device must pass before a policy may run on it.
//
// A device enters, a verdict leaves. Results are compared with float64
// references written here, gradients with central differences of those
// references, and the promised equalities (batching, caching, replay) bit for
// bit. Read Run first.
package kerneltest

import (
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/octorl/octorl/kernels"
)

// Run tests a device. open is called for each subtest and may return the same
// device; Run does not close it. Inputs are random with a seed that is printed;
// KERNELTEST_SEEDS is how many to try, 1 by default.
func Run(t *testing.T, open func() kernels.Device) {
	tests := []struct {
		name string
		test func(s *suite)
	}{
		{"Transfer", (*suite).transfer},
		{"Embed", (*suite).embed},
		{"EmbedRepeats", (*suite).embedRepeats},
		{"Linear", (*suite).linear},
		{"AddNorm", (*suite).addNorm},
		{"AddNormWide", (*suite).addNormWide},
		{"HeadNorm", (*suite).headNorm},
		{"Rope", (*suite).rope},
		{"SwiGLU", (*suite).swiglu},
		{"Attend", (*suite).attend},
		{"AttendGrad", (*suite).attendGrad},
		{"Head", (*suite).head},
		{"HeadGrad", (*suite).headGrad},
		{"HeadLarge", (*suite).headLarge},
		{"Sample", (*suite).sample},
		{"SampleFrequencies", (*suite).sampleFrequencies},
		{"PolicyGradient", (*suite).policyGradient},
		{"ValueHead", (*suite).valueHead},
		{"Advantage", (*suite).advantage},
		{"ValueLoss", (*suite).valueLoss},
		{"SquaredNorm", (*suite).squaredNorm},
		{"AdamW", (*suite).adamW},
		{"RowsAlike", (*suite).rowsAlike},
		{"SegmentsAlike", (*suite).segmentsAlike},
		{"CachedEqualsPacked", (*suite).cachedEqualsPacked},
		{"SampledEqualsScored", (*suite).sampledEqualsScored},
		{"WeightsFresh", (*suite).weightsFresh},
		{"Replay", (*suite).replay},
		{"SeveralCallers", (*suite).severalCallers},
		{"Repeatable", (*suite).repeatable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := numSeeds(t)
			if n == 1 {
				tt.test(newSuite(t, open(), rand.Uint64()))
				return
			}
			for range n {
				seed := rand.Uint64()
				t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
					dev := open()
					if tt.name != "Replay" || dev.Info().Replays { // a device may be unable to record beside other callers
						t.Parallel() // the references take longer than the device
					}
					tt.test(newSuite(t, dev, seed))
				})
			}
		})
	}
}

func numSeeds(t *testing.T) int {
	v := os.Getenv("KERNELTEST_SEEDS")
	if v == "" {
		return 1
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		t.Fatalf("KERNELTEST_SEEDS is %q: use a number from 1", v)
	}
	return n
}

// suite is a device under test and its random inputs.
type suite struct {
	*testing.T
	dev       kernels.Device
	rng       *rand.Rand
	compute   kernels.Type
	tolerance float64 // of results of the compute type; see tolerances
}

// tolerances are what results may differ from a reference in float64 by, for
// arrays of each type: every element relative to the largest of the array, and
// the array in the Frobenius norm relative to its own.
var tolerances = map[kernels.Type]struct{ element, array float64 }{
	kernels.Float32:  {2e-5, 1e-5},
	kernels.BFloat16: {2e-2, 1e-2},
}

func newSuite(t *testing.T, dev kernels.Device, seed uint64) *suite {
	t.Logf("seed %d", seed)
	compute := dev.Info().Compute
	return &suite{
		T: t, dev: dev, rng: rand.New(rand.NewPCG(seed, 1)),
		compute: compute, tolerance: tolerances[compute].element,
	}
}

// buffer returns zeros that are freed when the test ends.
func (s *suite) buffer(t kernels.Type, n int) kernels.Buffer {
	s.Helper()
	b, err := s.dev.Alloc(t, n)
	if err != nil {
		s.Fatalf("allocate %d of %s: %v", n, t, err)
	}
	s.Cleanup(func() { s.dev.Free(b) })
	return b
}

// input returns n normal numbers of type t, on the device and as the device
// rounded them.
func (s *suite) input(t kernels.Type, n int) (kernels.Buffer, []float64) {
	s.Helper()
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(s.rng.NormFloat64())
	}
	return s.floats(t, v)
}

func (s *suite) floats(t kernels.Type, v []float32) (kernels.Buffer, []float64) {
	s.Helper()
	b := s.buffer(t, len(v))
	s.dev.Upload(b, v)
	return b, widen(s.read(b))
}

func (s *suite) ints(v []int32) kernels.Buffer {
	s.Helper()
	b := s.buffer(kernels.Int32, len(v))
	s.dev.Upload(b, v)
	return b
}

// below returns n integers in [0, limit).
func (s *suite) below(n, limit int) []int32 {
	v := make([]int32, n)
	for i := range v {
		v[i] = int32(s.rng.IntN(limit))
	}
	return v
}

// output returns a buffer of NaNs: what is not written shows.
func (s *suite) output(t kernels.Type, n int) kernels.Buffer {
	s.Helper()
	b := s.buffer(t, n)
	s.dev.Fill(b, float32(math.NaN()))
	return b
}

func (s *suite) wait() {
	s.Helper()
	if err := s.dev.Wait(s.dev.Mark()); err != nil {
		s.Fatalf("wait: %v", err)
	}
}

func (s *suite) read(b kernels.Buffer) []float32 {
	s.Helper()
	v := make([]float32, b.Len())
	s.dev.Download(v, b)
	s.wait()
	return v
}

func (s *suite) readInts(b kernels.Buffer) []int32 {
	s.Helper()
	v := make([]int32, b.Len())
	s.dev.Download(v, b)
	s.wait()
	return v
}

// near checks b against want within the tolerances of b's type.
func (s *suite) near(what string, b kernels.Buffer, want []float64) {
	s.Helper()
	s.close(what, b, want, b.Type())
}

// rounded is near for a Float32 result that was formed from intermediate values
// of the compute type.
func (s *suite) rounded(what string, b kernels.Buffer, want []float64) {
	s.Helper()
	s.close(what, b, want, s.compute)
}

func (s *suite) close(what string, b kernels.Buffer, want []float64, t kernels.Type) {
	s.Helper()
	s.within(what, b, want, tolerances[t].element)
	got := s.read(b)
	var off, size float64
	for i, v := range want {
		off += (float64(got[i]) - v) * (float64(got[i]) - v)
		size += v * v
	}
	// A single small result, a sum that cancels, has no relative precision.
	size += 0.01 * float64(len(want))
	if limit := tolerances[t].array; !(math.Sqrt(off/size) <= limit) {
		s.Fatalf("%s: %d elements are off by %.2g of their norm, want at most %.1g", what, len(want), math.Sqrt(off/size), limit)
	}
}

func (s *suite) within(what string, b kernels.Buffer, want []float64, tolerance float64) {
	s.Helper()
	got := s.read(b)
	largest := 0.1
	for _, v := range want {
		largest = max(largest, math.Abs(v))
	}
	for i, v := range want {
		if !(math.Abs(float64(got[i])-v) <= tolerance*largest) {
			s.Fatalf("%s: element %d of %d is %g, want %g ± %.1g", what, i, len(want), got[i], v, tolerance*largest)
		}
	}
}

// same checks bit for bit.
func (s *suite) same(what string, got, want []float32) {
	s.Helper()
	if len(got) != len(want) {
		s.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	for i, v := range want {
		if math.Float32bits(got[i]) != math.Float32bits(v) {
			s.Fatalf("%s: element %d of %d is %v (%#x), want %v (%#x)", what, i, len(want),
				got[i], math.Float32bits(got[i]), v, math.Float32bits(v))
		}
	}
}

func widen(v []float32) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

// slope returns the gradient of f at x by central differences.
func slope(x []float64, f func() float64) []float64 {
	const h = 1e-5
	g := make([]float64, len(x))
	for i, v := range x {
		x[i] = v + h
		up := f()
		x[i] = v - h
		g[i] = (up - f()) / (2 * h)
		x[i] = v
	}
	return g
}

func dot(x, y []float64) float64 {
	sum := 0.0
	for i, v := range x {
		sum += v * y[i]
	}
	return sum
}

// plus returns x + y.
func plus(x, y []float64) []float64 {
	sum := make([]float64, len(x))
	for i, v := range x {
		sum[i] = v + y[i]
	}
	return sum
}
