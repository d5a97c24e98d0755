package candidate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/octorl/octorl/policy"
)

// Digest names a checkpoint by the content of the files that decide
// what it answers.
func Digest(dir string) (string, error) {
	h := sha256.New()
	for _, pattern := range []string{policy.ConfigFile, "generation_config.json", "*.safetensors", "tokenizer.json"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return "", fmt.Errorf("read checkpoint %s: %w", dir, err)
		}
		for _, path := range paths {
			if filepath.Base(path) == "optimizer.safetensors" {
				continue
			}
			if err := addFile(h, path); err != nil {
				return "", fmt.Errorf("read checkpoint: %w", err)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

func addFile(h io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.WriteString(h, filepath.Base(path)+"\x00"); err != nil {
		return err
	}
	_, err = io.Copy(h, f)
	return err
}
