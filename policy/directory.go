package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// WriteDir writes a directory so that at every instant dir is absent, or whole
// as before, or whole as new, whatever is killed: fill writes into tmp, a
// sibling of dir; its files are summed into ManifestFile and synced; then it is
// renamed to dir, in place of what was there. Where fill or the disk fails, dir
// is as before and tmp is gone; a full disk is named as such.
//
// One process at a time may write dir.
func WriteDir(dir string, fill func(tmp string) error) error {
	if err := writeDir(dir, fill); err != nil {
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			return fmt.Errorf("write %s: the disk is full; free space or choose a folder on another disk, then run again: %w", dir, err)
		}
		return fmt.Errorf("write %s: %w", dir, err)
	}
	return nil
}

func writeDir(dir string, fill func(tmp string) error) error {
	dir = filepath.Clean(dir)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	if err := restoreAside(dir); err != nil {
		return err
	}
	tmp := sibling(dir, "tmp")
	if err := os.RemoveAll(tmp); err != nil { // of a writer that was killed
		return err
	}
	defer os.RemoveAll(tmp) // does nothing after the rename
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return err
	}
	if err := fill(tmp); err != nil {
		return err
	}
	if err := seal(tmp); err != nil {
		return err
	}
	return replaceDir(tmp, dir)
}

// replaceDir renames tmp to dir. A directory cannot be renamed over another, so
// the old one waits aside meanwhile; restoreAside finds it after a crash.
func replaceDir(tmp, dir string) error {
	aside := sibling(dir, "old")
	if err := os.RemoveAll(aside); err != nil {
		return err
	}
	if err := os.Rename(dir, aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(tmp, dir); err != nil {
		return errors.Join(err, restoreAside(dir))
	}
	if err := syncFile(filepath.Dir(dir)); err != nil {
		return err
	}
	return os.RemoveAll(aside)
}

// restoreAside puts back the directory that a killed writer had moved aside.
func restoreAside(dir string) error {
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := os.Rename(sibling(dir, "old"), dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func sibling(dir, suffix string) string {
	return filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+"."+suffix)
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
