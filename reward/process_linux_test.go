package reward

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
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
func TestProgramIsKilledWithOtherSessions(t *testing.T) { checkKilled(t, "escape") }
