//go:build unix

package reward

import (
	"os/exec"
	"syscall"
)

// ownGroup starts a command in a process group of its own, all of which is
// killed when its context ends.
func ownGroup(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
}

// killGroup kills what is left of the group of a command that has ended.
func killGroup(command *exec.Cmd) {
	if command.Process != nil {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
	}
}
