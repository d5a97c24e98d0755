package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrUnsupported is returned by Load for files that are well formed and ask for
// something this package does not do; the text names it.
var ErrUnsupported = errors.New("unsupported tokenizer")

// fileName is the name of the file in a checkpoint directory.
const fileName = "tokenizer.json"

// pairNames are the names of vocabularies and of the merges that belong to
// them, to which a model's name may be prefixed.
var pairNames = [][2]string{{"vocab.json", "merges.txt"}, {"encoder.json", "vocab.bpe"}}

// Load reads the tokenizer in a file, which it recognizes by its content, or in
// a folder, where tokenizer.json goes before the others:
//
//   - a Hugging Face tokenizer.json of byte-level BPE with the split pattern of
//     Llama-3, cl100k, Qwen2 or GPT-2 (GPT-NeoX's is the same), no normalizer or
//     NFC, and a post-processor that is a template or adds nothing;
//   - GPT-2's two files, vocab.json and merges.txt or encoder.json and
//     vocab.bpe, with the tokenizer_config.json, added_tokens.json and
//     special_tokens_map.json beside them, if any. The class of the first says
//     how to split: as Qwen2, or as GPT-2, also without the file;
//   - a tiktoken file of ranks: cl100k_base, r50k_base or Llama-3's
//     tokenizer.model, told apart by their size.
//
// It returns ErrUnsupported for anything else rather than guess. Truncation and
// padding of the file are left to the caller. Characters newer than Unicode 15
// count as symbols. NFC is that of Unicode 15, where the reference leaves
// combining marks newer than Unicode 9 in their place, and breaks runs of more
// than 30 of them with U+034F.
func Load(path string) (*Tokenizer, error) {
	t, err := load(path)
	if err != nil {
		return nil, fmt.Errorf("load tokenizer %s: %w", path, err)
	}
	return t, nil
}

func load(path string) (*Tokenizer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		if path, err = find(path); err != nil {
			return nil, err
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	switch {
	case isVocab(data):
		return loadPair(path, 0)
	case isJSON(data):
		return parse(data)
	case isMerges(data):
		return loadPair(path, 1)
	case isRanks(data):
		return parseRanks(data)
	case bytes.HasPrefix(data, []byte{0x1F, 0x8B}):
		return nil, unsupported("%s is packed; unpack it with gunzip", filepath.Base(path))
	case bytes.HasPrefix(data, []byte{0x0A}) && bytes.IndexByte(data, 0) >= 0:
		return nil, unsupported("%s looks like a SentencePiece model; use the tokenizer.json of a byte-level BPE", filepath.Base(path))
	}
	return nil, unsupported("%s is neither a tokenizer.json, a vocab.json, a merges.txt nor a tiktoken file", filepath.Base(path))
}

// find returns the file in a folder from which to load its tokenizer.
func find(folder string) (string, error) {
	candidates := []string{fileName}
	for _, names := range pairNames {
		candidates = append(candidates, names[0])
	}
	for _, pattern := range append(candidates, "*.tiktoken", "tokenizer.model") {
		paths, err := filepath.Glob(filepath.Join(escapeGlob(folder), pattern))
		switch {
		case err != nil:
			return "", err
		case len(paths) > 1:
			return "", fmt.Errorf("%s and %s are in the folder: name one", filepath.Base(paths[0]), filepath.Base(paths[1]))
		case len(paths) == 1:
			return paths[0], nil
		}
	}
	return "", fmt.Errorf("%w: the folder has no tokenizer.json, vocab.json, encoder.json, *.tiktoken or tokenizer.model", fs.ErrNotExist)
}

// escapeGlob returns a pattern that matches path alone.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// partner returns the path of the other file of a pair: of the merges where
// path is a vocabulary (which 0), or the other way around (1).
func partner(path string, which int) (string, error) {
	dir, name := filepath.Split(path)
	for _, names := range pairNames {
		if prefix, ok := strings.CutSuffix(name, names[which]); ok {
			return filepath.Join(dir, prefix+names[1-which]), nil
		}
	}
	kinds := [2]string{"vocabulary", "list of merges"}
	return "", fmt.Errorf("%s is a %s, and its name does not tell that of the %s: call them vocab.json and merges.txt",
		name, kinds[which], kinds[1-which])
}

func isJSON(data []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) }

// isVocab reports whether data is an object whose first value is a number. The
// word "model" can be in a vocabulary as well as in a tokenizer.json.
func isVocab(data []byte) bool {
	d := json.NewDecoder(bytes.NewReader(data))
	for _, want := range []func(json.Token) bool{
		func(t json.Token) bool { return t == json.Delim('{') },
		func(t json.Token) bool { _, ok := t.(string); return ok },
		func(t json.Token) bool { _, ok := t.(float64); return ok },
	} {
		if token, err := d.Token(); err != nil || !want(token) {
			return false
		}
	}
	return true
}

func parse(data []byte) (*Tokenizer, error) {
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("not a tokenizer.json: %w", err)
	}
	return build(&f)
}
