package learner

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/octorl/octorl/internal/devicetest"
	"github.com/octorl/octorl/policy"
)

// trainingFixture is the part of a checkpoint fixture's expected.json that says
// how PyTorch's losses fall along AdamW steps on its batch.
type trainingFixture struct {
	AdamW struct {
		LR          float64 `json:"lr"`
		Beta1       float64 `json:"beta1"`
		Beta2       float64 `json:"beta2"`
		Eps         float64 `json:"eps"`
		WeightDecay float64 `json:"weight_decay"`
		Clip        float64 `json:"clip"`
	} `json:"adamw"`
	Losses []float64 `json:"adamw_losses"`
}

// notTrained is the label of a token that is not predicted.
const notTrained = -100

func TestTrainingMatchesPyTorch(t *testing.T) {
	for _, file := range fixtures(t, filepath.Join("*", "expected.json")) {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) { matchPyTorch(t, dir) })
	}
}

func matchPyTorch(t *testing.T, dir string) {
	data, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want trainingFixture
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load(newDevice(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Free)

	ids, labels := readInts(t, dir, "input_ids"), readInts(t, dir, "labels")
	batch := policy.PackDocuments(ids)
	var coef []float32
	numTrained := 0
	for _, row := range labels {
		for _, label := range row[1:] {
			c := float32(0)
			if label != notTrained {
				c = -1
				numTrained++
			}
			coef = append(coef, c)
		}
	}
	for i := range coef {
		coef[i] /= float32(numTrained)
	}

	w, err := newWorkspace(p, len(batch.IDs), OptimizerConfig{
		Beta1: want.AdamW.Beta1, Beta2: want.AdamW.Beta2, Eps: want.AdamW.Eps,
		WeightDecay: want.AdamW.WeightDecay, MaxNorm: want.AdamW.Clip,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.free)
	w.optimizer.decayed = p.NumParameters() // the fixture decays gains and biases too

	logprob := make([]float32, len(coef))
	for step, wantLoss := range want.Losses {
		w.gradients.Zero()
		w.pass.ForwardBackward(batch, w.gradients, coef)
		if err := w.pass.Read(logprob, nil); err != nil {
			t.Fatal(err)
		}
		loss := 0.0
		for i, c := range coef {
			loss += float64(c) * float64(logprob[i])
		}
		if math.Abs(loss-wantLoss) > devicetest.Tolerance(p.Device(), 1e-4, 1e-2)*wantLoss {
			t.Errorf("after %d updates the loss is %v, want %v", step, loss, wantLoss)
		}
		if _, err := w.optimizer.Step(w.gradients.Arena, want.AdamW.LR); err != nil {
			t.Fatal(err)
		}
	}
}

// readInts returns the rows of a two-dimensional tensor of 32-bit integers in
// dir's expected.safetensors.
func readInts(t *testing.T, dir, name string) [][]int32 {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "expected.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	headerEnd := 8 + binary.LittleEndian.Uint64(data)
	var header map[string]struct {
		Dtype   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets []int  `json:"data_offsets"`
	}
	if err := json.Unmarshal(data[8:headerEnd], &header); err != nil {
		t.Fatal(err)
	}
	tensor := header[name]
	if tensor.Dtype != "I32" || len(tensor.Shape) != 2 {
		t.Fatalf("%s is %+v, expected a matrix of I32", name, tensor)
	}
	values := data[headerEnd:][tensor.Offsets[0]:tensor.Offsets[1]]
	rows := make([][]int32, tensor.Shape[0])
	for i := range rows {
		for range tensor.Shape[1] {
			rows[i] = append(rows[i], int32(binary.LittleEndian.Uint32(values)))
			values = values[4:]
		}
	}
	return rows
}
