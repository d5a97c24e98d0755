//go:build unix && !linux

package reward

import (
	"os/exec"
	"syscall"
)

// newCommand returns a command in a process group of its own, and what kills that.
func newCommand(path string, args []string) (command *exec.Cmd, stop func(), err error) {
	command = exec.Command(path, args...)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return command, func() { killGroup(command) }, nil
}
