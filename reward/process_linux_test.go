package reward

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/octorl/octorl/rollout/trajectory"
)

func init() {
	programs["escape"] = func() { // is to be killed, with a grandchild in a session of its own
		if err := inSession(another("parent of a child")).Run(); err != nil {
			os.Exit(3)
		}
		time.Sleep(time.Hour)
	}
	programs["parent of a child"] = func() {
		if err := inSession(another("child")).Start(); err != nil {
			os.Exit(3)
		}
	}
}

// inSession lets a command start a session of its own.
func inSession(command *exec.Cmd) *exec.Cmd {
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return command
}

// TestProgramIsKilledWithOtherSessions has a child of a child, whose parent is gone,
// in a session of its own. It ends with the program.
func TestProgramIsKilledWithOtherSessions(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := watchChild(t, cancel)
	t.Setenv("REWARD_TEST_PROGRAM", "escape")
	got := NewProgramVerifier(os.Args[0]).Verify(ctx, trajectory.Problem{Answer: "42"}, "42")
	if got.Verdict != Failed {
		t.Errorf("killed program: %+v", got)
	}
	if err := ended(); err != nil {
		t.Error(err)
	}
}
