package policy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// TokenizerConfigFile is the name of the file that tells transformers which
// tokenizer a checkpoint has.
const TokenizerConfigFile = "tokenizer_config.json"

// tokenizerFiles are the files that a folder in the Hugging Face layout may have
// of a tokenizer.
var tokenizerFiles = []string{
	"tokenizer.json", TokenizerConfigFile, "special_tokens_map.json", "added_tokens.json",
	"vocab.json", "merges.txt", "chat_template.jinja",
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
	names := []string{ConfigFile, WeightsFile}
	if _, err := os.Stat(filepath.Join(from, WeightsFile)); errors.Is(err, fs.ErrNotExist) {
		index, err := readIndex(from)
		if err != nil {
			return fmt.Errorf("copy the weights of %s: %w", from, err)
		}
		names = append([]string{ConfigFile, WeightsIndexFile}, index.files()...)
	}
	for _, name := range names {
		if err := copyFile(to, from, name); err != nil {
			return err
		}
	}
	return errors.Join(copyPresent(to, from, []string{GenerationFile}), CopyTokenizerFiles(to, from))
}

// CopyTokenizerFiles copies what the checkpoint folder from has of a tokenizer,
// its chat template included, into the existing folder to: for a policy that
// keeps the tokenizer it came with. Call it inside WriteDir's fill.
func CopyTokenizerFiles(to, from string) error { return copyPresent(to, from, tokenizerFiles) }

// copyPresent copies those of the named files that there are.
func copyPresent(to, from string, names []string) error {
	for _, name := range names {
		if err := copyFile(to, from, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// copyFile copies a file to the same place below another folder.
func copyFile(to, from, name string) error {
	in, err := os.Open(filepath.Join(from, name))
	if err != nil {
		return fmt.Errorf("copy a checkpoint's file: %w", err)
	}
	defer in.Close()
	path := filepath.Join(to, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { // a shard may lie deeper
		return err
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return fmt.Errorf("copy %s: %w", path, err)
	}
	return out.Close()
}

// WriteTokenizerConfig writes TokenizerConfigFile into the checkpoint folder dir,
// which holds a tokenizer.json: transformers' AutoTokenizer then reads that file
// as it is, except that version 5 takes its own class for Qwen2 whatever is
// written, which splits as Qwen2 does and normalizes to NFC. eosToken is the text of the token that
// ends a sequence, or empty where there is none. Call it inside WriteDir's fill.
func WriteTokenizerConfig(dir, eosToken string) error {
	f := struct {
		Class         string   `json:"tokenizer_class"`
		EOS           *string  `json:"eos_token"`
		Pad           *string  `json:"pad_token"`
		CleanUpSpaces bool     `json:"clean_up_tokenization_spaces"`
		SplitSpecial  bool     `json:"split_special_tokens"`
		InputNames    []string `json:"model_input_names"`
	}{Class: "PreTrainedTokenizerFast", InputNames: []string{"input_ids", "attention_mask"}}
	if eosToken != "" {
		f.EOS, f.Pad = &eosToken, &eosToken
	}
	return writeJSON(filepath.Join(dir, TokenizerConfigFile), f)
}
