package reward

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"
)

// killDelay is how long the end of a killed program is waited for.
const killDelay = 500 * time.Millisecond

// program is a running program and its standard streams.
type program struct {
	command   *exec.Cmd
	in        io.WriteCloser
	outPipe   io.Closer
	out       *bufio.Reader
	complaint *beginning
	stop      func() // kills it and all that descends from it
	killing   sync.Once

	answers int        // so far
	written chan error // of the last request
}

func startProgram(path string, args []string) (*program, error) {
	p := &program{complaint: &beginning{}}
	var err error
	if p.command, p.stop, err = newCommand(path, args); err != nil {
		return nil, err
	}
	p.command.Stderr, p.command.WaitDelay = p.complaint, killDelay
	if p.in, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.outPipe, p.out = out, bufio.NewReader(out)
	if err := p.command.Start(); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// kill ends the program and what descends from it, and whatever waits for its
// streams. It does not wait and may be called more than once.
func (p *program) kill() {
	p.killing.Do(func() {
		p.stop()
		p.in.Close()
		p.outPipe.Close()
	})
}

// end kills the program and waits until it is gone. It returns what its end was
// if that came before.
func (p *program) end() error {
	p.kill()
	last := time.AfterFunc(killDelay, func() { killGroup(p.command) })
	defer last.Stop()
	return p.command.Wait()
}

// exchange writes a request and reads the line that answers it. A program need
// not read all of its input to answer.
func (p *program) exchange(request []byte) (reply []byte, err error) {
	if p.written != nil {
		if err := <-p.written; err != nil {
			return nil, io.EOF
		}
	}
	if p.out.Buffered() > 0 {
		return nil, errors.New("wrote a line that nobody asked for")
	}
	written := make(chan error, 1)
	p.written = written
	go func() {
		_, err := p.in.Write(request)
		written <- err
	}()
	reply, err = p.readLine()
	p.answers++
	return reply, err
}

// readLine reads up to the end of a line or of the output.
func (p *program) readLine() ([]byte, error) {
	var line []byte
	for {
		part, err := p.out.ReadSlice('\n')
		if line = append(line, part...); len(line) > maxReply {
			return line, errReplyTooLong
		}
		switch {
		case err == nil, err == io.EOF && len(line) > 0:
			return line, nil
		case err != bufio.ErrBufferFull:
			return nil, err
		}
	}
}

// maxComplaint bounds what is kept of a program's standard error, in bytes.
const maxComplaint = 200

// beginning keeps the first bytes and drops the rest.
type beginning struct{ text []byte }

func (b *beginning) Write(p []byte) (int, error) {
	b.text = append(b.text, p[:min(len(p), maxComplaint-len(b.text))]...)
	return len(p), nil
}

// String returns the text behind a colon, or nothing.
func (b *beginning) String() string {
	if len(b.text) == 0 {
		return ""
	}
	return fmt.Sprintf(": %q", b.text)
}
