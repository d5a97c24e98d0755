package actors

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/octorl/octorl/actors/message"
)

func decodeMetrics(t *testing.T, line []byte) message.MetricsReported {
	t.Helper()
	var m message.MetricsReported
	if err := json.Unmarshal(line, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestRecordDropsWhatHappensAgain reopens a record whose last line was cut short
// by a crash, and of which some lines are to be dropped.
func TestRecordDropsWhatHappensAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.jsonl")
	if err := os.WriteFile(path, []byte("{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":"), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := openRecord(path, func(line []byte) bool { return string(line) != `{"n":2}` })
	if err != nil {
		t.Fatal(err)
	}
	if err := r.append(map[string]int{"n": 4}); err != nil {
		t.Fatal(err)
	}
	if err := r.close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "{\"n\":1}\n{\"n\":3}\n{\"n\":4}\n"; string(data) != want {
		t.Errorf("record is %q, want %q", data, want)
	}
}
