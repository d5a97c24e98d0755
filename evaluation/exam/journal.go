package exam

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/octorl/octorl/evaluation"
)

// ErrOtherSettings is returned when a journal was made with other settings.
var ErrOtherSettings = errors.New("other settings")

// journalVersion is the version of a journal's lines.
const journalVersion = 1

// entry is a line of a journal: the head, an item, or the end of a session.
type entry struct {
	Head    *Head            `json:"head,omitempty"`
	Item    *evaluation.Item `json:"item,omitempty"`
	Seconds float64          `json:"seconds,omitempty"` // of a session
}

// Head is the first line of a journal.
type Head struct {
	Version  int                 `json:"version"`
	Title    string              `json:"title"` // of the benchmark
	Rows     int                 `json:"rows"`  // of the benchmark
	Settings evaluation.Settings `json:"settings"`
	Preamble string              `json:"preamble"`
}

// Journal is a file of JSON lines with the items of one benchmark under one way of
// asking, in the order in which they were finished. It is used from one goroutine.
type Journal struct {
	Head    Head
	Seconds float64 // of all sessions that ended
	path    string
	file    *os.File
	end     int64                      // of the last whole line in file
	items   map[string]evaluation.Item // by problem
	order   []string                   // problems as they were finished
}

// OpenJournal opens the journal at path for a paper, and makes it where there is
// none. What a crash left of a last line is cut off. It returns an error that wraps
// ErrOtherSettings and names the first difference where the journal was made in
// another way.
func OpenJournal(path string, p *Paper) (*Journal, error) {
	j, whole, err := readJournal(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && whole == 0 {
		return newJournal(path, p)
	}
	if err != nil {
		return nil, err
	}
	switch name, was, is := firstDifference(j.Head.Settings, p.Settings); name {
	case "":
	case "model":
		return nil, fmt.Errorf("%w: %s is of another checkpoint (of digest %.12s, and this one has %.12s); choose another folder with --out, or delete the file to start anew",
			ErrOtherSettings, path, was, is)
	default:
		return nil, fmt.Errorf("%w: %s was made with %s %v, and now it is %v; choose another folder with --out, or delete the file to start anew",
			ErrOtherSettings, path, name, was, is)
	}
	if j.file, err = os.OpenFile(path, os.O_WRONLY, 0); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if err = j.cut(whole); err != nil {
		return nil, errors.Join(fmt.Errorf("open journal %s: %w", path, err), j.file.Close())
	}
	return j, nil
}

// ReadJournal reads a journal without changing it.
func ReadJournal(path string) (*Journal, error) {
	j, whole, err := readJournal(path)
	if err == nil && whole == 0 {
		err = fmt.Errorf("read journal %s: it is empty", path)
	}
	return j, err
}

// readJournal returns what whole lines say and where they end.
func readJournal(path string) (j *Journal, whole int64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("read journal: %w", err)
	}
	defer file.Close()
	j = &Journal{path: path, items: map[string]evaluation.Item{}}
	lines := bufio.NewReaderSize(file, 1<<16)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return j, whole, nil // and what does not end in a line break is torn
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read journal %s: %w", path, err)
		}
		if err := j.take(line, whole == 0); err != nil {
			return nil, 0, fmt.Errorf("read journal %s at byte %d: %w; delete the file to evaluate anew", path, whole, err)
		}
		whole += int64(len(line))
	}
}

// take adds what a line says.
func (j *Journal) take(line []byte, first bool) error {
	var e entry
	if err := json.Unmarshal(line, &e); err != nil {
		return err
	}
	switch {
	case first && e.Head == nil:
		return errors.New("it does not begin with the settings")
	case first && e.Head.Version > journalVersion:
		return fmt.Errorf("it has version %d and this program knows %d; use a newer octorl", e.Head.Version, journalVersion)
	case first:
		j.Head = *e.Head
	case e.Item != nil:
		j.keep(*e.Item)
	}
	j.Seconds += e.Seconds
	return nil
}

func newJournal(path string, p *Paper) (*Journal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make journal: %w; choose another folder with --out", err)
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("make journal: %w; choose another folder with --out", err)
	}
	j := &Journal{path: path, file: file, items: map[string]evaluation.Item{}}
	j.Head = Head{Version: journalVersion, Title: p.Spec.Title, Rows: p.Rows, Settings: p.Settings, Preamble: p.Preamble}
	if err := j.write(entry{Head: &j.Head}); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return j, nil
}

// firstDifference returns the first setting in which two differ, by its name in
// JSON, or "".
func firstDifference(a, b evaluation.Settings) (name string, was, is any) {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range x.NumField() {
		was, is := x.Field(i).Interface(), y.Field(i).Interface()
		if fmt.Sprint(was) != fmt.Sprint(is) {
			return x.Type().Field(i).Tag.Get("json"), was, is
		}
	}
	return "", nil, nil
}

// Name is the journal's file without its ending.
func (j *Journal) Name() string { return strings.TrimSuffix(filepath.Base(j.path), ".jsonl") }

// Has reports whether a problem has been answered.
func (j *Journal) Has(problem string) bool {
	_, ok := j.items[problem]
	return ok
}

// Items returns the items of the paper that are done, in its order.
func (j *Journal) Items(p *Paper) []evaluation.Item {
	var items []evaluation.Item
	for _, q := range p.Questions {
		if it, ok := j.items[q.Problem.ID]; ok {
			items = append(items, it)
		}
	}
	return items
}

// Add writes an item. It is on the disk, but for a loss of power, once Add returns.
func (j *Journal) Add(it evaluation.Item) error {
	if err := j.write(entry{Item: &it}); err != nil {
		return err
	}
	j.keep(it)
	return nil
}

func (j *Journal) keep(it evaluation.Item) {
	if !j.Has(it.Problem.ID) {
		j.order = append(j.order, it.Problem.ID)
	}
	j.items[it.Problem.ID] = it
}

func (j *Journal) write(e entry) error {
	var line bytes.Buffer
	encode := json.NewEncoder(&line)
	encode.SetEscapeHTML(false)
	if err := encode.Encode(e); err != nil {
		return fmt.Errorf("write journal %s: %w", j.path, err)
	}
	if _, err := j.file.Write(line.Bytes()); err != nil {
		// Half a line before another would be damage.
		return fmt.Errorf("write journal: %w; free space, then the same command goes on", errors.Join(err, j.cut(j.end)))
	}
	j.end += int64(line.Len())
	return nil
}

// cut removes what is behind end, and goes on from there.
func (j *Journal) cut(end int64) error {
	j.end = end
	if err := j.file.Truncate(end); err != nil {
		return err
	}
	_, err := j.file.Seek(end, io.SeekStart)
	return err
}

// Close notes the seconds that the session took, unless there are none, and puts all
// on the disk. A second Close does nothing.
func (j *Journal) Close(seconds float64) error {
	if j.file == nil {
		return nil
	}
	var err error
	if seconds > 0 {
		j.Seconds += seconds
		err = j.write(entry{Seconds: seconds})
	}
	err = errors.Join(err, j.file.Sync(), j.file.Close())
	j.file = nil
	return err
}
