//go:build cuda

package cuda

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/octorl/octorl/kernels"
)

// TestTooLittleMemory asks for more than any card has: the error says how much, and
// the device goes on.
func TestTooLittleMemory(t *testing.T) {
	d := open(t)
	_, err := d.Alloc(kernels.Float32, 1<<44)
	if !errors.Is(err, kernels.ErrNoMemory) || !strings.Contains(err.Error(), "67108864 MiB wanted") {
		t.Fatalf("64 TiB: %v", err)
	}
	if err := d.Reserve(1 << 46); !errors.Is(err, kernels.ErrNoMemory) {
		t.Fatalf("64 TiB of workspace: %v", err)
	}
	b := alloc(t, d, kernels.Float32, 100)
	d.Fill(b, 3)
	for _, v := range read(t, d, b) {
		if v != 3 {
			t.Fatalf("an element is %g after too little memory", v)
		}
	}
}

// faulting names the variable by which TestFault's child knows that it is one.
const faulting = "OCTORL_TEST_FAULTING"

// TestFault has another process queue a kernel that reads memory that is not there,
// after which a context is of no more use: calls return its error and close.
func TestFault(t *testing.T) {
	if os.Getenv(faulting) != "" {
		fault(t)
		return
	}
	open(t)
	child := exec.Command(os.Args[0], "-test.run=^TestFault$", "-test.v")
	child.Env = append(os.Environ(), faulting+"=1", "OCTORL_CUDA_FAULT=3")
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"ILLEGAL_ADDRESS", "transfer.round_bf16(", "OCTORL_CUDA_SYNC=1", "closed: "} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

func fault(t *testing.T) {
	dev, err := Open(Config{})
	if err != nil {
		t.Fatal(err)
	}
	wide, narrow := alloc(t, dev.(*Device), kernels.Float32, 64), alloc(t, dev.(*Device), kernels.BFloat16, 64)
	for range 5 {
		dev.Copy(narrow, wide)
	}
	first := dev.Wait(dev.Mark())
	if first == nil {
		t.Fatal("the device has no fault")
	}
	fmt.Println("fault:", first)
	into := []float32{7}
	dev.Download(into, wide.Slice(0, 1))
	if again := dev.Wait(dev.Mark()); again == nil || again.Error() != first.Error() || into[0] != 7 {
		t.Errorf("later: %v, downloaded %g", again, into[0])
	}
	if _, err := dev.Alloc(kernels.Float32, 1); err == nil {
		t.Error("memory was given out after a fault")
	}
	err = dev.Close()
	fmt.Println("closed:", err)
	if err == nil {
		t.Error("the device closed without its fault")
	}
}
