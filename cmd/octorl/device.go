package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/octorl/octorl/kernels"
	"github.com/octorl/octorl/kernels/cpu"
	"github.com/octorl/octorl/kernels/cuda"
)

// deviceFlag chooses what a verb computes on.
type deviceFlag struct {
	Device string `help:"cpu, cuda or cuda:N; default the first GPU that octorl can use, else cpu." placeholder:"DEVICE"`
}

// open opens the device and says on standard error which it is, and why it is
// no GPU where one could have been.
func (f deviceFlag) open() (kernels.Device, error) {
	dev, why, err := openDevice(f.Device)
	if err != nil {
		return nil, err
	}
	line := "device: " + dev.Info().Name
	if why != nil {
		line += "; " + why.Error()
	}
	fmt.Fprintln(os.Stderr, line)
	return dev, nil
}

// openDevice opens the device called name. Without a name it takes the first
// GPU, or else the CPU; in a program that could use a GPU, why says what kept
// it from one.
func openDevice(name string) (dev kernels.Device, why, err error) {
	kind, number, numbered := strings.Cut(name, ":")
	switch {
	case name == "":
		dev, err = cuda.Open(cuda.Config{})
		if !errors.Is(err, cuda.ErrUnavailable) {
			return dev, nil, err
		}
		if cuda.Built {
			why = err
		}
		return cpu.Open(cpu.Config{}), why, nil
	case name == "cpu":
		return cpu.Open(cpu.Config{}), nil, nil
	case kind == "cuda":
		ordinal := 0
		if numbered {
			if ordinal, err = strconv.Atoi(number); err != nil {
				break
			}
		}
		dev, err = cuda.Open(cuda.Config{Ordinal: ordinal})
		return dev, nil, err
	}
	return nil, nil, fmt.Errorf("--device %s: use cpu, cuda or cuda:N; octorl doctor lists what is there", name)
}

// evaluationShare is the inverse of the share of the cores on which versions are
// scored while learner and rollouts use all of them.
const evaluationShare = 4

// besideDevice opens what versions are scored on beside training on dev: a part of
// the cores, or the same GPU. done closes it.
func besideDevice(dev kernels.Device) (beside kernels.Device, done func()) {
	if _, processor := dev.(*cpu.Device); !processor {
		return dev, func() {}
	}
	d := cpu.Open(cpu.Config{Threads: max(1, runtime.GOMAXPROCS(0)/evaluationShare)})
	return d, func() { d.Close() }
}
