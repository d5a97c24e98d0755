package actors

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// record is an append-only file of JSON lines.
type record struct {
	path string
	file *os.File
}

// openRecord opens a record for appending. A last line that a crash cut short is
// removed, and so is every line that keep refuses: what was recorded after the
// checkpoint that a run resumes from happens again.
func openRecord(path string, keep func(line []byte) bool) (*record, error) {
	if err := rewriteRecord(path, keep); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open record: %w", err)
	}
	return &record{path: path, file: f}, nil
}

func rewriteRecord(path string, keep func(line []byte) bool) error {
	var kept []byte
	dropped := false
	err := readRecord(path, func(line []byte) error {
		if keep != nil && !keep(line) {
			dropped = true
			return nil
		}
		kept = append(append(kept, line...), '\n')
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("read record: %w", err)
	}
	if !dropped && info.Size() == int64(len(kept)) {
		return nil
	}
	return writeFile(path, kept)
}

// readRecord calls f with each whole line of a record.
func readRecord(path string, f func(line []byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read record: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if !json.Valid(lines.Bytes()) {
			continue
		}
		if err := f(lines.Bytes()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read record %s: %w", path, err)
	}
	return nil
}

// append writes v as one line.
func (r *record) append(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("record %s: %w", r.path, err)
	}
	if _, err := r.file.Write(append(line, '\n')); err != nil {
		return diskError(r.path, err)
	}
	return nil
}

// sync waits until the record is on the disk.
func (r *record) sync() error {
	if err := r.file.Sync(); err != nil {
		return diskError(r.path, err)
	}
	return nil
}

func (r *record) close() error { return r.file.Close() }
