package policy

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/octorl/octorl/kernels"
)

// tolerances of what a device computes in against the fixtures' float64.
var tolerances = map[kernels.Type]struct {
	logProb  float64 // largest absolute error
	loss     float64 // absolute error
	tensor   float64 // relative error of a gradient in the Frobenius norm, each parameter
	gradient float64 // 1 − cosine of the whole gradient
	trained  float64 // relative error of the loss after updates
}{
	kernels.Float32:  {2e-5, 1e-5, 1e-5, 1e-9, 5e-6},
	kernels.BFloat16: {0.15, 2e-3, 0.1, 1e-3, 1e-2},
}

// fixtureRoot is OCTORL_FIXTURES, or the folder beside the repository.
func fixtureRoot(t *testing.T) string {
	t.Helper()
	if root := os.Getenv("OCTORL_FIXTURES"); root != "" {
		return root
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	return filepath.Join(filepath.Dir(dir), "shared", "data", "fixtures")
}

// fixture is a checkpoint with what transformers computes of it in float64.
type fixture struct {
	*Policy
	ids, labels       [][]int32
	logits            []float32
	logprobs, entropy []float32
	gradients         *TensorFile
	expected          expectedFile
}

type expectedFile struct {
	Loss  float64
	AdamW struct {
		LR, Beta1, Beta2, Eps, Clip float64
		WeightDecay                 float64 `json:"weight_decay"`
	}
	AdamWLosses  []float64 `json:"adamw_losses"`
	GreedyPrompt []int32   `json:"greedy_prompt"`
	Greedy       []int32
}

// TestTransformersCases runs the cases that testdata/make.py writes.
func TestTransformersCases(t *testing.T) {
	if n := runCases(t, "testdata"); n != 2 {
		t.Errorf("%d cases in testdata, expected 2", n)
	}
}

func TestFixtures(t *testing.T) {
	root := fixtureRoot(t)
	if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the fixtures' folder %s is absent; set OCTORL_FIXTURES", root)
	}
	runCases(t, root)
}

// runCases runs the cases in the folders of root and returns their number.
func runCases(t *testing.T, root string) int {
	expected, err := filepath.Glob(filepath.Join(root, "*", "expected.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range expected {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			f := loadFixture(t, dir)
			t.Run("logits", f.testLogits)
			t.Run("logprobs", f.testLogProbs)
			t.Run("gradients", f.testGradients)
			t.Run("greedy", f.testGreedy)
			t.Run("adamw", f.testAdamW)
		})
	}
	return len(expected)
}

func loadFixture(t *testing.T, dir string) *fixture {
	t.Helper()
	p, err := Load(openDevice(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{Policy: p}
	b, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &f.expected); err != nil {
		t.Fatal(err)
	}
	expected := mustOpen(t, filepath.Join(dir, "expected.safetensors"))
	f.ids, f.labels = readRows(t, expected, "input_ids"), readRows(t, expected, "labels")
	f.logits = readAll(t, expected, "logits")
	f.logprobs, f.entropy = readAll(t, expected, "logprobs"), readAll(t, expected, "entropy")
	f.gradients = mustOpen(t, filepath.Join(dir, "expected_grads.safetensors"))
	return f
}

func mustOpen(t *testing.T, path string) *TensorFile {
	t.Helper()
	f, err := OpenTensorFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func readAll(t *testing.T, f *TensorFile, name string) []float32 {
	t.Helper()
	shape, n := []int{}, 1
	for _, d := range f.tensors[name].Shape {
		shape, n = append(shape, int(d)), n*int(d)
	}
	v := make([]float32, n)
	if err := f.ReadFloat32(name, v, shape); err != nil {
		t.Fatal(err)
	}
	return v
}

// readRows returns the rows of an I32 matrix.
func readRows(t *testing.T, f *TensorFile, name string) [][]int32 {
	t.Helper()
	e := f.tensors[name]
	b := make([]byte, e.Offsets[1]-e.Offsets[0])
	if _, err := f.file.ReadAt(b, f.data+e.Offsets[0]); err != nil || e.Dtype != "I32" {
		t.Fatalf("%s of type %s: %v", name, e.Dtype, err)
	}
	all := make([]int32, len(b)/4)
	for i := range all {
		all[i] = int32(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return slices.Collect(slices.Chunk(all, int(e.Shape[1])))
}

// trained returns the batch of the fixture's sequences and the coefficients of
// the mean cross-entropy of its labels.
func (f *fixture) trained(t *testing.T) (Batch, []float32) {
	t.Helper()
	b, coef, count := PackDocuments(f.ids), []float32{}, 0
	for s, labels := range f.labels {
		for i, label := range labels[1:] {
			c := float32(0)
			if label != -100 {
				c, count = -1, count+1
				if label != f.ids[s][i+1] {
					t.Fatalf("label %d of sequence %d is not the next id", i+1, s)
				}
			}
			coef = append(coef, c)
		}
	}
	for i := range coef {
		coef[i] /= float32(count)
	}
	return b, coef
}

func (f *fixture) newPass(t *testing.T, b Batch) *Pass {
	return newPass(t, f.Policy, PassLimits{Tokens: len(b.IDs), Segments: len(b.Segments), Predictions: len(b.Rows), Backward: true})
}

func largestError(a, b []float32) float64 {
	largest := 0.0
	for i := range b {
		largest = max(largest, math.Abs(float64(a[i])-float64(b[i])))
	}
	return largest
}

func (f *fixture) testLogProbs(t *testing.T) {
	b, coef := f.trained(t)
	ps := f.newPass(t, b)
	ps.Forward(b, 1)
	logprob, entropy := mustRead(t, ps)
	l, e := largestError(logprob, f.logprobs), largestError(entropy, f.entropy)
	loss := math.Abs(dot(coef, logprob) - f.expected.Loss)
	t.Logf("largest errors: logprob %.2g, entropy %.2g, loss %.2g", l, e, loss)
	tolerance := tolerances[f.dev.Info().Compute]
	if !(l <= tolerance.logProb && e <= tolerance.logProb && loss <= tolerance.loss) {
		t.Errorf("errors exceed %g, %g, %g", tolerance.logProb, tolerance.logProb, tolerance.loss)
	}
}

// testLogits compares logits, which nothing else ever computes whole.
func (f *fixture) testLogits(t *testing.T) {
	var documents [][]int32
	for _, ids := range f.ids {
		documents = append(documents, append(slices.Clone(ids), 0)) // to have what follows the last id
	}
	b := PackDocuments(documents)
	ps := f.newPass(t, b)
	ps.Forward(b, 1)
	s := kernels.LinearShape{Rows: len(b.IDs), In: f.cfg.Hidden, Out: f.cfg.Vocab}
	out, err := f.dev.Alloc(f.dev.Info().Compute, s.Rows*s.Out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.dev.Free(out)
	f.dev.Linear(s, out, ps.activations.hidden, f.parameters.head, nil)
	got := make([]float32, s.Rows*s.Out)
	f.dev.Download(got, out)
	if err := f.dev.Wait(f.dev.Mark()); err != nil {
		t.Fatal(err)
	}
	if len(f.logits) != len(got) {
		t.Fatalf("%d logits, expected %d", len(got), len(f.logits))
	}
	e := largestError(got, f.logits)
	t.Logf("largest error %.2g", e)
	if limit := tolerances[f.dev.Info().Compute].logProb; !(e <= limit) {
		t.Errorf("the error exceeds %g", limit)
	}
}

func (f *fixture) testGradients(t *testing.T) {
	b, coef := f.trained(t)
	ps, g := f.newPass(t, b), newGradients(t, f.Policy)
	ps.ForwardBackward(b, g, coef)
	got, worst := readGradients(t, f.Policy, g), 0.0
	want := make([]float32, len(got))
	tolerance := tolerances[f.dev.Info().Compute]
	for _, x := range f.Tensors() {
		from, to := x.Offset, x.Offset+x.numElements()
		copy(want[from:to], readAll(t, f.gradients, x.Name))
		e := relativeError(got[from:to], want[from:to])
		worst = max(worst, e)
		if !(e <= tolerance.tensor) {
			t.Errorf("%s: relative error %g, tolerance %g", x.Name, e, tolerance.tensor)
		}
	}
	off := 1 - cosine(got, want)
	t.Logf("largest relative error %.2g, cosine of all 1 − %.2g", worst, off)
	if !(off <= tolerance.gradient) {
		t.Errorf("cosine is 1 − %g, tolerance %g", off, tolerance.gradient)
	}
	if n := len(f.gradients.Names()); n != len(f.Tensors()) {
		t.Errorf("the fixture has %d gradients, the policy %d tensors", n, len(f.Tensors()))
	}
}

func (f *fixture) testGreedy(t *testing.T) {
	d := newGroupDecoder(t, f.Policy, f.expected.GreedyPrompt)
	defer d.Free()
	got := d.decode(t, 0, []int{len(f.expected.Greedy)})[0].ids
	if !slices.Equal(got, f.expected.Greedy) {
		t.Errorf("drew %v, expected %v", got, f.expected.Greedy)
	}
}

// testAdamW trains five steps; it changes the weights and so runs last.
func (f *fixture) testAdamW(t *testing.T) {
	b, coef := f.trained(t)
	ps, g := f.newPass(t, b), newGradients(t, f.Policy)
	dev, n, o := f.dev, f.NumParameters(), f.expected.AdamW
	m, v := upload(t, dev, make([]float32, n)), upload(t, dev, make([]float32, n))
	master := f.Weights()
	if dev.Info().Compute != kernels.Float32 {
		master = upload(t, dev, make([]float32, n))
		dev.Copy(master, f.Weights())
	}
	norm, hyper := upload(t, dev, []float32{0}), upload(t, dev, make([]float32, 3))
	for step, want := range f.expected.AdamWLosses {
		g.Zero()
		ps.ForwardBackward(b, g, coef)
		logprob, _ := mustRead(t, ps)
		loss, tolerance := dot(coef, logprob), tolerances[dev.Info().Compute].trained
		t.Logf("loss after %d steps is %.7f, expected %.7f", step, loss, want)
		if !(math.Abs(loss-want) <= tolerance*want) {
			t.Errorf("loss after %d steps is %.7f, expected %.7f", step, loss, want)
		}
		dev.SquaredNorm(norm, g.Arena)
		count := float64(step + 1)
		dev.Upload(hyper, []float32{float32(o.LR), float32(1 / (1 - math.Pow(o.Beta1, count))),
			float32(1 / (1 - math.Pow(o.Beta2, count)))})
		for _, r := range [][2]int{{0, f.DecayedParameters()}, {f.DecayedParameters(), n}} {
			cut := func(b kernels.Buffer) kernels.Buffer { return b.Slice(r[0], r[1]) }
			dev.AdamW(kernels.AdamWArgs{
				Weights: cut(f.Weights()), Master: cut(master), Grads: cut(g.Arena), M: cut(m), V: cut(v),
				Norm: norm, Hyper: hyper, MaxNorm: float32(o.Clip), Beta1: float32(o.Beta1),
				Beta2: float32(o.Beta2), Eps: float32(o.Eps), Decay: float32(o.WeightDecay),
			})
		}
	}
}
