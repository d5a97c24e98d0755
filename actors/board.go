package actors

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/octorl/octorl/actors/message"
	"github.com/octorl/octorl/internal/tensorboard"
)

// board keeps the metrics of a run as event files of TensorBoard, a folder a
// stage. They are a copy of metrics.jsonl: what is there when a run starts is
// written anew, so that no step is there twice.
type board struct {
	root    string
	started time.Time
	stages  map[string]*boardFile
}

type boardFile struct {
	file   *os.File
	events *tensorboard.Writer
}

// openBoard writes the event files of what metrics, the path of a record, holds.
func openBoard(root, metrics string) (*board, error) {
	b := &board{root: root, started: time.Now(), stages: map[string]*boardFile{}}
	if err := os.RemoveAll(root); err != nil {
		return nil, fmt.Errorf("write event files anew: %w", err)
	}
	err := readRecord(metrics, func(line []byte) error {
		var m message.MetricsReported
		if err := json.Unmarshal(line, &m); err != nil {
			return fmt.Errorf("read record %s: %w", metrics, err)
		}
		return b.add(m)
	})
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// add appends the metrics of a step to the file of its stage.
func (b *board) add(m message.MetricsReported) error {
	f, err := b.open(m.Stage)
	if err != nil {
		return err
	}
	values := make(map[string]float64, len(m.Values))
	for name, v := range m.Values {
		values[m.Kind+"/"+name] = v
	}
	if err := f.events.Scalars(m.Step, time.Unix(0, m.Time), values); err != nil {
		return diskError(f.file.Name(), err)
	}
	return nil
}

// open returns the file of a stage.
func (b *board) open(stage string) (*boardFile, error) {
	if f := b.stages[stage]; f != nil {
		return f, nil
	}
	dir := filepath.Join(b.root, stage)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, diskError(dir, err)
	}
	// TensorBoard goes on to a file whose name sorts after the one it has read.
	path := filepath.Join(dir, fmt.Sprintf("%s%010d.octorl", tensorboard.FilePrefix, b.started.UnixMilli()))
	file, err := os.Create(path)
	if err != nil {
		return nil, diskError(path, err)
	}
	events, err := tensorboard.NewWriter(file, b.started)
	if err != nil {
		return nil, errors.Join(diskError(path, err), file.Close())
	}
	f := &boardFile{file: file, events: events}
	b.stages[stage] = f
	return f, nil
}

func (b *board) close() {
	for _, f := range b.stages {
		f.file.Close()
	}
}
