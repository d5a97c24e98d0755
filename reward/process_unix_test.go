//go:build unix

package reward

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/octorl/octorl/rollout/trajectory"
)

// TestProgramIsKilledWithItsChildren waits for the end of a pipe that a child of
// the program holds open.
func TestProgramIsKilledWithItsChildren(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skipf("no named pipes here: %v", err)
	}
	t.Setenv("REWARD_TEST_PROGRAM", "parent")
	t.Setenv("REWARD_TEST_PIPE", path)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		defer cancel()
		pipe, err := os.Open(path)
		if err != nil {
			ended <- err
			return
		}
		defer pipe.Close()
		lines := bufio.NewReader(pipe)
		_, err = lines.ReadString('\n')
		cancel() // the child is alive; from here on it must not stay so
		if err == nil {
			_, err = io.Copy(io.Discard, lines)
		}
		ended <- err
	}()
	got := ProgramVerifier{Path: os.Args[0]}.Verify(ctx, trajectory.Problem{Answer: "42"}, "42")
	if got.Verdict != Failed {
		t.Errorf("killed program: %+v", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
