package learner

import (
	"errors"
	"testing"

	"github.com/octorl/octorl/kernels"
)

// limitedDevice is a device on which numLeft more allocations succeed.
type limitedDevice struct {
	kernels.Device
	numLeft, numLive int
}

func (d *limitedDevice) Alloc(t kernels.Type, n int) (kernels.Buffer, error) {
	if d.numLeft == 0 {
		return nil, kernels.ErrNoMemory
	}
	d.numLeft--
	d.numLive++
	return d.Device.Alloc(t, n)
}

func (d *limitedDevice) Free(b kernels.Buffer) {
	d.numLive--
	d.Device.Free(b)
}

// Whichever allocation fails, the error says so and nothing stays allocated;
// neither does when all succeed and the trainer is freed.
func TestTrainersKeepNoMemoryWhenThereIsTooLittle(t *testing.T) {
	dev := &limitedDevice{Device: newDevice(t), numLeft: 1 << 20}
	p, reference := newTiny(t, dev), newTiny(t, dev)
	c := rlConfig(1, 16)
	c.KL = 0.1
	values, valued := newTinyCritic(t, p), c
	valued.Critic = criticConfig(1)
	type trainer interface{ Free() }
	for name, start := range map[string]func() (trainer, error){
		"mid": func() (trainer, error) { return NewMidTrainer(p, midConfig(16)) },
		"rl":  func() (trainer, error) { return NewPolicyTrainer(Networks{Policy: p, Reference: reference}, c) },
		"critic": func() (trainer, error) {
			return NewPolicyTrainer(Networks{Policy: p, Reference: reference, Critic: values}, valued)
		},
	} {
		before := dev.numLive
		for numLeft := 0; ; numLeft++ {
			dev.numLeft = numLeft
			trainer, err := start()
			if err == nil {
				trainer.Free()
			} else if !errors.Is(err, kernels.ErrNoMemory) {
				t.Fatalf("%s, %d allocations: %v", name, numLeft, err)
			}
			if dev.numLive != before {
				t.Fatalf("%s, %d allocations: %d buffers were not freed", name, numLeft, dev.numLive-before)
			}
			if err == nil {
				break
			}
		}
	}
}

// masterDevice claims to compute in bfloat16 without rounding to it, so that
// master weights are memory of their own and equal to the weights.
type masterDevice struct{ kernels.Device }

func (d masterDevice) Info() kernels.Info {
	info := d.Device.Info()
	info.Compute = kernels.BFloat16
	return info
}

func (d masterDevice) Alloc(t kernels.Type, n int) (kernels.Buffer, error) {
	if t == kernels.BFloat16 {
		t = kernels.Float32
	}
	return d.Device.Alloc(t, n)
}

func TestMasterWeightsGiveTheSameTraining(t *testing.T) {
	plain := newDevice(t)
	if plain.Info().Compute != kernels.Float32 {
		t.Skip("the device's own master weights are not rounded, its weights are")
	}
	train := func(dev kernels.Device) string {
		p := newTiny(t, dev)
		trainSteps(t, newMid(t, p, midConfig(30)), 1, 3)
		return digest(t, p)
	}
	if got, want := train(masterDevice{plain}), train(plain); got != want {
		t.Errorf("digest %.12s with master weights, %.12s without", got, want)
	}
}
