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
