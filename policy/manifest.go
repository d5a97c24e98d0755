package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ManifestFile is the name of the file that holds the checksums of a directory
// from WriteDir, in the format of sha256sum.
const ManifestFile = "MANIFEST.sha256"

// ErrDamaged is returned when a directory from WriteDir is not as it was
// written. The message that wraps it names the file and the remedy.
var ErrDamaged = errors.New("damaged checkpoint")

// seal syncs every file below dir and writes and syncs their manifest.
func seal(dir string) error {
	var manifest bytes.Buffer
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.IsDir() {
			sum, err := checksum(path)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&manifest, "%s  %s\n", sum, filepath.ToSlash(name))
		}
		return syncFile(path)
	})
	if err != nil {
		return err
	}
	path := filepath.Join(dir, ManifestFile)
	if err := os.WriteFile(path, manifest.Bytes(), 0o644); err != nil {
		return err
	}
	return errors.Join(syncFile(path), syncFile(dir))
}

func checksum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// VerifyDir compares every file of a directory from WriteDir with its checksum.
// It returns an error that wraps ErrDamaged and names the first file that is
// missing or differs, or the manifest where that is missing or unreadable.
// Files that the manifest does not list are ignored. First it undoes a
// replacement that was interrupted.
func VerifyDir(dir string) error {
	if err := restoreAside(filepath.Clean(dir)); err != nil {
		return fmt.Errorf("verify %s: %w", dir, err)
	}
	entries, err := readManifest(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := e.verify(dir); err != nil {
			return err
		}
	}
	return nil
}

// readManifest returns the entries of a directory's manifest.
func readManifest(dir string) ([]manifestEntry, error) {
	manifest, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, damaged(dir, ManifestFile+" is missing")
	}
	if err != nil {
		return nil, fmt.Errorf("verify %s: %w", dir, err)
	}
	entries, err := parseManifest(string(manifest))
	if err != nil {
		return nil, damaged(dir, ManifestFile+": "+err.Error())
	}
	return entries, nil
}

func damaged(dir, what string) error {
	return fmt.Errorf("%w %s: %s; copy the folder anew, or delete it and run again, which goes on from the checkpoint before it or else from the start of its stage", ErrDamaged, dir, what)
}

// verify compares a file of dir with its checksum.
func (e manifestEntry) verify(dir string) error {
	sum, err := checksum(filepath.Join(dir, filepath.FromSlash(e.name)))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return damaged(dir, e.name+" is missing")
	case err != nil:
		return fmt.Errorf("verify %s: %w", dir, err)
	case sum != e.sum:
		return damaged(dir, e.name+" differs from its checksum")
	}
	return nil
}

type manifestEntry struct{ sum, name string }

// parseManifest reads lines of a checksum, two spaces and a path below the
// directory.
func parseManifest(s string) ([]manifestEntry, error) {
	var entries []manifestEntry
	for i, line := range slices.Collect(strings.Lines(s)) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if raw, err := hex.DecodeString(sum); !ok || err != nil || len(raw) != sha256.Size {
			return nil, fmt.Errorf("line %d is not a checksum and a name", i+1)
		}
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return nil, fmt.Errorf("line %d names %q, outside the folder", i+1, name)
		}
		entries = append(entries, manifestEntry{sum, name})
	}
	return entries, nil
}
