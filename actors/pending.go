package actors

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/octorl/octorl/policy"
)

// Pending versions are those that were given to the evaluator before a checkpoint
// and not scored when it was written. A run that resumes from the checkpoint never
// has their weights again, so they are put aside first, and removed once the score
// is recorded. What a version inside a stage has answered lies beside them as long.

func (d *directory) pendingFolder() string { return filepath.Join(d.root, "pending") }

// pending is the file of a pending version.
func (d *directory) pending(at standing) string {
	return filepath.Join(d.pendingFolder(), fmt.Sprintf("%s@%06d", at.stage, at.step))
}

// probe is the folder with the journals of a version inside a stage.
func (d *directory) probe(at standing) string { return d.pending(at) + probeEnding }

const probeEnding = ".answers"

// savePending writes the weights of a pending version, unless they are there.
func (d *directory) savePending(e examine) error {
	path := d.pending(e.at)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("put version %d of stage %s aside: %w", e.at.step, e.at.stage, err)
	}
	data, err := binary.Append([]byte(policy.Digest(e.weights)), binary.LittleEndian, e.weights)
	if err != nil {
		return fmt.Errorf("put version %d of stage %s aside: %w", e.at.step, e.at.stage, err)
	}
	return writeFile(path, data)
}

// readPending reads what savePending wrote.
func readPending(path string, parameters int) ([]float32, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read pending version: %w", err)
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<20)
	digest, weights := make([]byte, 2*sha256.Size), make([]float32, parameters)
	err = errors.Join(binary.Read(in, binary.LittleEndian, digest), binary.Read(in, binary.LittleEndian, weights))
	if err == nil && policy.Digest(weights) != string(digest) {
		err = errors.New("it differs from its checksum")
	}
	if err != nil {
		return nil, fmt.Errorf("read pending version %s: %w; delete it to go without its evaluation", path, err)
	}
	return weights, nil
}

// dropPending removes what is kept of a version until its score is recorded.
func (d *directory) dropPending(at standing) error {
	if err := errors.Join(os.RemoveAll(d.pending(at)), os.RemoveAll(d.probe(at))); err != nil {
		return fmt.Errorf("remove pending version: %w", err)
	}
	return nil
}

var pendingForm = regexp.MustCompile(`^([a-z0-9-]+)@(\d+)(` + regexp.QuoteMeta(probeEnding) + `)?$`)

// pendingVersions lists the versions whose weights are put aside, by stage and step,
// and those that have answered something.
func (d *directory) pendingVersions() (all []examine, begun []standing, err error) {
	entries, err := os.ReadDir(d.pendingFolder())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list pending versions: %w", err)
	}
	for _, e := range entries {
		m := pendingForm.FindStringSubmatch(e.Name())
		if m == nil {
			continue // half written when the machine stopped
		}
		step, _ := strconv.Atoi(m[2])
		at := standing{stage: m[1], step: step}
		if m[3] != "" {
			begun = append(begun, at)
		} else {
			all = append(all, examine{at: at, file: d.pending(at)})
		}
	}
	return all, begun, nil
}
