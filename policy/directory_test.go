package policy

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// fillWith returns a fill function that writes files by name.
func fillWith(files map[string]string) func(string) error {
	return func(tmp string) error {
		for name, text := range files {
			path := filepath.Join(tmp, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				return err
			}
		}
		return nil
	}
}

func mustHold(t *testing.T, dir, name, want string) {
	t.Helper()
	if err := VerifyDir(dir); err != nil {
		t.Error(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil || string(got) != want {
		t.Errorf("%s holds %q, %v; expected %q", name, got, err, want)
	}
}

// mustBeAlone fails where anything but dir lies beside it.
func mustBeAlone(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != filepath.Base(dir) {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

func TestWriteDirReplaces(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs", "step")
	for _, text := range []string{"one", "two"} {
		if err := WriteDir(dir, fillWith(map[string]string{"a": text, "sub/b": "same", "only-" + text: ""})); err != nil {
			t.Fatal(err)
		}
		mustHold(t, dir, "a", text)
		mustBeAlone(t, dir)
	}
	if _, err := os.Stat(filepath.Join(dir, "only-one")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a file of the replaced directory is still there")
	}
	// The manifest is what sha256sum prints: this is the sum of "two".
	const sum = "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3  a\n"
	if b, _ := os.ReadFile(filepath.Join(dir, ManifestFile)); !strings.Contains(string(b), sum) {
		t.Errorf("manifest lacks %q:\n%s", sum, b)
	}
}

func TestWriteDirFailureKeepsOld(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "step")
	broken := errors.New("broken")
	fail := func(tmp string) error {
		os.WriteFile(filepath.Join(tmp, "a"), []byte("half"), 0o644)
		return broken
	}
	if err := WriteDir(dir, fail); !errors.Is(err, broken) || !strings.Contains(err.Error(), dir) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a failed write left a directory")
	}
	if err := WriteDir(dir, fillWith(map[string]string{"a": "whole"})); err != nil {
		t.Fatal(err)
	}
	if err := WriteDir(dir, fail); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	mustHold(t, dir, "a", "whole")
	mustBeAlone(t, dir)
}

func TestWriteDirFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	dir := filepath.Join(t.TempDir(), "step")
	err := WriteDir(dir, func(tmp string) error {
		path := filepath.Join(tmp, WeightsFile)
		if err := os.Symlink("/dev/full", path); err != nil {
			return err
		}
		return WriteTensorFile(path, []Tensor{{Name: "a", Shape: []int{4}}}, make([]float32, 4))
	})
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "disk is full; free space") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a full disk left a directory")
	}
	mustBeAlone(t, dir)
}

func TestWriteDirAfterKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "step")
	write := func(text string) {
		t.Helper()
		if err := WriteDir(dir, fillWith(map[string]string{"a": text})); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	// Killed while filling.
	os.MkdirAll(filepath.Join(sibling(dir, "tmp"), "rest"), 0o755)
	mustHold(t, dir, "a", "one")
	write("two")
	mustHold(t, dir, "a", "two")
	// Killed between the two renames.
	os.Rename(dir, sibling(dir, "old"))
	mustHold(t, dir, "a", "two")
	os.Rename(dir, sibling(dir, "old"))
	write("three")
	mustHold(t, dir, "a", "three")
	// Killed before the old directory was removed.
	fillWith(map[string]string{"a": "stale"})(sibling(dir, "old"))
	mustHold(t, dir, "a", "three")
	write("four")
	mustHold(t, dir, "a", "four")
	mustBeAlone(t, dir)
}

func TestVerifyDirNamesDamage(t *testing.T) {
	for name, tt := range map[string]struct {
		harm func(dir string) error
		want string
	}{
		"changed":  {func(d string) error { return os.WriteFile(filepath.Join(d, "sub/b"), []byte("B"), 0o644) }, "sub/b differs"},
		"missing":  {func(d string) error { return os.Remove(filepath.Join(d, "a")) }, "a is missing"},
		"unlisted": {func(d string) error { return os.Remove(filepath.Join(d, ManifestFile)) }, ManifestFile + " is missing"},
		"garbled":  {func(d string) error { return os.WriteFile(filepath.Join(d, ManifestFile), []byte("x"), 0o644) }, "line 1"},
	} {
		dir := filepath.Join(t.TempDir(), "step")
		if err := WriteDir(dir, fillWith(map[string]string{"a": "a", "sub/b": "b"})); err != nil {
			t.Fatal(err)
		}
		if err := tt.harm(dir); err != nil {
			t.Fatal(err)
		}
		err := VerifyDir(dir)
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v, expected ErrDamaged, the folder and %q", name, err, tt.want)
		}
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add(strings.Repeat("0", 64) + "  a/b\n")
	f.Add(strings.Repeat("0", 64) + "  ../b\n")
	f.Fuzz(func(t *testing.T, s string) {
		entries, err := parseManifest(s)
		for _, e := range entries {
			if err == nil && !filepath.IsLocal(filepath.FromSlash(e.name)) {
				t.Errorf("%q lies outside the folder", e.name)
			}
		}
	})
}
