//go:build unix

package reward

import (
	"os/exec"
	"syscall"
)

// killGroup kills the process group of a command that has one of its own.
func killGroup(command *exec.Cmd) {
	if command.Process != nil {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
	}
}
