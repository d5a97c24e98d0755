package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/octorl/octorl/kernels/cuda"
)

func TestOpenDevice(t *testing.T) {
	tests := []struct {
		name string
		kind string // of the device's name
		err  error
		text string
	}{
		{name: "cpu", kind: "cpu"},
		{name: "cuda:1000", err: cuda.ErrUnavailable},
		{name: "gpu", text: "use cpu, cuda or cuda:N"},
		{name: "cuda:first", text: "use cpu, cuda or cuda:N"},
	}
	for _, tt := range tests {
		dev, _, err := openDevice(tt.name)
		if tt.kind == "" {
			if err == nil || tt.err != nil && !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%s: error %v", tt.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if !strings.HasPrefix(dev.Info().Name, tt.kind) {
			t.Errorf("%s: opened %s", tt.name, dev.Info().Name)
		}
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestDefaultDevice opens what there is: never an error for want of a GPU.
func TestDefaultDevice(t *testing.T) {
	dev, why, err := openDevice("")
	if err != nil {
		t.Fatal(err)
	}
	if why != nil && !cuda.Built {
		t.Errorf("a program without CUDA excuses itself: %v", why)
	}
	if err := dev.Close(); err != nil {
		t.Error(err)
	}
}
