//go:build !unix

package reward

import "os/exec"

// newCommand returns a command, and what kills its process alone, where there
// are no process groups.
func newCommand(path string, args []string) (command *exec.Cmd, stop func(), err error) {
	command = exec.Command(path, args...)
	return command, func() { killGroup(command) }, nil
}

// killGroup kills the process of a command.
func killGroup(command *exec.Cmd) {
	if command.Process != nil {
		_ = command.Process.Kill()
	}
}
