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
	manifest, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return damaged(dir, ManifestFile+" is missing")
	}
	if err != nil {
		return fmt.Errorf("verify %s: %w", dir, err)
	}
	entries, err := parseManifest(string(manifest))
	if err != nil {
		return damaged(dir, ManifestFile+": "+err.Error())
	}
	for _, e := range entries {
		sum, err := checksum(filepath.Join(dir, filepath.FromSlash(e.name)))
		if errors.Is(err, fs.ErrNotExist) {
			return damaged(dir, e.name+" is missing")
		}
		if err != nil {
			return fmt.Errorf("verify %s: %w", dir, err)
		}
		if sum != e.sum {
			return damaged(dir, e.name+" differs from its checksum")
		}
	}
	return nil
}

func damaged(dir, what string) error {
	return fmt.Errorf("%w %s: %s; delete this folder to use the checkpoint before it, or copy it anew", ErrDamaged, dir, what)
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
