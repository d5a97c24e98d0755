//go:build !unix

package reward

import "os/exec"

// ownGroup does nothing where there are no process groups: the command alone is
// killed when its context ends.
func ownGroup(*exec.Cmd) {}

// killGroup does nothing where there are no process groups.
func killGroup(*exec.Cmd) {}
