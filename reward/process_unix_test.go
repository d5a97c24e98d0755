//go:build unix

package reward

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/octorl/octorl/rollout/trajectory"
)

// watchChild makes the pipe that programs of the test tell of their child by, and
// calls alive when there is one. What it returns waits for the end of the child; it
// is an error if there was none.
func watchChild(t *testing.T, alive func()) (ended func() error) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skipf("no named pipes here: %v", err)
	}
	t.Setenv("REWARD_TEST_PIPE", path)
	opened, end := make(chan struct{}), make(chan error, 1)
	go func() {
		defer alive()
		pipe, err := os.Open(path) // waits for somebody who writes
		close(opened)
		if err != nil {
			end <- err
			return
		}
		defer pipe.Close()
		lines := bufio.NewReader(pipe)
		_, err = lines.ReadString('\n')
		alive() // from here on it must not stay so
		if err == nil {
			_, err = io.Copy(io.Discard, lines)
		}
		end <- err
	}()
	return func() error {
		// Where no child ever opened the pipe, it must be opened from here.
		pipe, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		<-opened
		return errors.Join(pipe.Close(), <-end)
	}
}

// checkKilled cancels a program of the test once its child is alive, and waits for
// the end of the pipe that the child holds open.
func checkKilled(t *testing.T, program string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := watchChild(t, cancel)
	t.Setenv("REWARD_TEST_PROGRAM", program)
	got := NewProgramVerifier(os.Args[0]).Verify(ctx, trajectory.Problem{Answer: "42"}, "42")
	if got.Verdict != Failed {
		t.Errorf("killed program: %+v", got)
	}
	if err := ended(); err != nil {
		t.Error(err)
	}
}

func TestProgramIsKilledWithItsChildren(t *testing.T) { checkKilled(t, "parent") }

// TestChildLeftBehindIsKilled gives a program that ends by itself as much time as
// it likes; what it left behind ends with it.
func TestChildLeftBehindIsKilled(t *testing.T) {
	ended := watchChild(t, func() {})
	t.Setenv("REWARD_TEST_PROGRAM", "leaver")
	got := NewProgramVerifier(os.Args[0]).Verify(context.Background(), trajectory.Problem{Answer: "42"}, "42")
	if got.Verdict != Right {
		t.Errorf("program with a child left behind: %+v", got)
	}
	if err := ended(); err != nil {
		t.Error(err)
	}
}

// TestCloseKillsWhatIsKept ends a program that waits for a request, and its child.
func TestCloseKillsWhatIsKept(t *testing.T) {
	ended := watchChild(t, func() {})
	t.Setenv("REWARD_TEST_PROGRAM", "waiter")
	v := NewProgramVerifier(os.Args[0])
	if got := v.Verify(context.Background(), trajectory.Problem{Answer: "42"}, "42"); got.Verdict != Right {
		t.Errorf("program to be kept: %+v", got)
	}
	v.Close()
	if err := ended(); err != nil {
		t.Error(err)
	}
	t.Setenv("REWARD_TEST_PROGRAM", "keeper")
	if got := v.Verify(context.Background(), trajectory.Problem{Answer: "42"}, "42"); got.Verdict != Wrong || len(v.idle) > 0 {
		t.Errorf("closed verifier: %+v, keeps %d programs", got, len(v.idle))
	}
}
