package policy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// hubFiles are the files besides weights that a folder in the Hugging Face layout
// may have: what transformers reads of a policy and its tokenizer.
var hubFiles = []string{
	ConfigFile, GenerationFile, "tokenizer.json", TokenizerConfigFile, "special_tokens_map.json",
	"added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja",
}

// CopyHubFiles copies what transformers reads of the checkpoint folder from, and
// nothing else, such as an optimizer's state, into the existing folder to. A
// damaged checkpoint is refused with ErrDamaged. Call it inside WriteDir's fill.
func CopyHubFiles(to, from string) error {
	if _, err := os.Stat(filepath.Join(from, ManifestFile)); err == nil {
		if err := VerifyDir(from); err != nil {
			return err
		}
	}
	names := []string{WeightsFile}
	if _, err := os.Stat(filepath.Join(from, WeightsFile)); errors.Is(err, fs.ErrNotExist) {
		index, err := readIndex(from)
		if err != nil {
			return fmt.Errorf("copy the weights of %s: %w", from, err)
		}
		names = append(index.files(), WeightsIndexFile)
	}
	for _, name := range hubFiles {
		if _, err := os.Stat(filepath.Join(from, name)); !errors.Is(err, fs.ErrNotExist) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if err := copyFile(filepath.Join(to, name), filepath.Join(from, name)); err != nil {
			return fmt.Errorf("copy %s of %s: %w", name, from, err)
		}
	}
	return nil
}

func copyFile(to, from string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil { // a shard may lie deeper
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
