package reward

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// guardName is the name under which this executable runs as a guard: a process
// between this one and a program, which adopts all that descends from the program
// and kills it when the program ends or is to end, even if this process has been
// killed itself.
const guardName = "octorl-program-guard"

// init turns the process into a guard when it was started as one. It does so
// here since any executable that has a ProgramVerifier is its own guard.
func init() {
	if os.Args[0] == guardName {
		os.Exit(runGuard(os.Args[1], os.Args[1:]))
	}
}

// newCommand returns a command that runs a program under a guard, and what makes
// the guard kill it.
func newCommand(path string, args []string) (command *exec.Cmd, stop func(), err error) {
	if path, err = filepath.Abs(path); err != nil {
		return nil, nil, err
	}
	held, control, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	command = exec.Command("/proc/self/exe")
	command.Args = append([]string{guardName, path}, args...)
	command.ExtraFiles = []*os.File{held}
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return command, func() {
		control.Close()
		held.Close()
	}, nil
}

// controlFile is the pipe of a guard whose end means to kill.
const controlFile = 3

// runGuard runs a program and returns its exit status when nothing of it is left.
func runGuard(path string, argv []string) int {
	const setChildSubreaper = 36 // prctl(2): orphans among the descendants become children of this process
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0); errno != 0 {
		fmt.Fprintf(os.Stderr, "adopt processes: %v", errno)
		return 126
	}
	syscall.CloseOnExec(controlFile)
	child, err := os.StartProcess(path, argv, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err != nil {
		fmt.Fprint(os.Stderr, err)
		return 127
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.NewFile(controlFile, "control"))
		_ = syscall.Kill(child.Pid, syscall.SIGKILL)
	}()
	status := waitFor(child.Pid)
	killChildren()
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

// waitFor reaps children until pid has ended.
func waitFor(pid int) syscall.WaitStatus {
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		if ended == pid || err != nil && err != syscall.EINTR {
			return status
		}
	}
}

// killChildren kills and reaps until there are no children: those of a killed
// child become children of this process in turn.
func killChildren() {
	for {
		for _, pid := range childrenOf(os.Getpid()) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if _, err := syscall.Wait4(-1, nil, 0, nil); err != nil && err != syscall.EINTR {
			return
		}
	}
}

// childrenOf returns the processes whose parent is parent.
func childrenOf(parent int) []int {
	var children []int
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// The name, in parentheses, may hold anything: 12 (a) b) S 1 …
		_, after, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
		fields := strings.Fields(after)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			children = append(children, pid)
		}
	}
	return children
}
