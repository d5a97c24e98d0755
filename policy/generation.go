package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// GenerationFile is the name of the file that says how to sample from a
// checkpoint.
const GenerationFile = "generation_config.json"

// MaxTemperature bounds the temperature, far above any of use: there logits
// hardly matter.
const MaxTemperature = 1000

// Generation is how a checkpoint asks to be sampled from.
type Generation struct {
	EOS         []int32  // ids that end a completion, may be empty
	Temperature float32  // 0 takes the likeliest token
	MaxTokens   int      // longest completion, 0 where it does not say
	Stops       []string // texts that end a completion
	Ignored     []string // entries of the file that change completions and are not followed, e.g. "top_p 0.9"
}

// generationFile is GenerationFile, the part of it that is followed.
type generationFile struct {
	BOS         tokenIDs  `json:"bos_token_id"`
	EOS         *tokenIDs `json:"eos_token_id"`
	DoSample    bool      `json:"do_sample"`
	Temperature *float64  `json:"temperature,omitempty"`
	MaxTokens   *int      `json:"max_new_tokens,omitempty"`
	Stops       texts     `json:"stop_strings,omitempty"`
}

// texts is written null, as a string, or as a list.
type texts []string

func (t *texts) UnmarshalJSON(b []byte) error {
	var one *string
	if json.Unmarshal(b, &one) == nil {
		*t = nil
		if one != nil {
			*t = texts{*one}
		}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(t))
}

// ignoredEntries are what else of transformers' GenerationConfig changes
// completions, with the number that changes nothing; null and empty lists do not
// either.
var ignoredEntries = []struct {
	name    string
	neutral float64
	sampled bool // bears on sampling alone
}{
	{"repetition_penalty", 1, false}, {"no_repeat_ngram_size", 0, false}, {"num_beams", 1, false}, {"min_new_tokens", 0, false},
	{"min_length", 0, false}, {"bad_words_ids", 0, false}, {"suppress_tokens", 0, false}, {"begin_suppress_tokens", 0, false},
	{"sequence_bias", 0, false}, {"forced_bos_token_id", -1, false}, {"forced_eos_token_id", -1, false},
	{"top_p", 1, true}, {"top_k", 0, true}, {"min_p", 0, true}, {"typical_p", 1, true}, {"epsilon_cutoff", 0, true}, {"eta_cutoff", 0, true},
}

// ReadGeneration reads the GenerationFile of the checkpoint folder dir, whose
// config is c, or zero where that is not known. Without the file, or without an entry, the end tokens are c's and
// the temperature is 0, or 1 where the file asks for sampling: what transformers
// does. The error names the file and the entry.
func ReadGeneration(dir string, c Config) (Generation, error) {
	path := filepath.Join(dir, GenerationFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Generation{EOS: c.EOS}, nil
	}
	if err != nil {
		return Generation{}, fmt.Errorf("read how to sample: %w", err)
	}
	g, err := parseGeneration(b, c)
	if err != nil {
		return Generation{}, fmt.Errorf("read how to sample from %s: %w", path, err)
	}
	return g, nil
}

func parseGeneration(b []byte, c Config) (Generation, error) {
	var f generationFile
	if err := json.Unmarshal(b, &f); err != nil {
		return Generation{}, err
	}
	g := Generation{EOS: c.EOS}
	if f.EOS != nil {
		g.EOS = *f.EOS
	}
	if i := slices.IndexFunc(g.EOS, func(id int32) bool { return id < 0 || int(id) >= c.Vocab }); i >= 0 && c.Vocab > 0 {
		return g, fmt.Errorf("eos_token_id %d is outside the vocabulary of %d", g.EOS[i], c.Vocab)
	}
	g.Ignored, g.Stops = ignored(b, f.DoSample), slices.DeleteFunc(f.Stops, func(stop string) bool { return stop == "" })
	if f.MaxTokens != nil {
		if g.MaxTokens = *f.MaxTokens; g.MaxTokens < 1 {
			return g, fmt.Errorf("max_new_tokens %d: must be at least 1", g.MaxTokens)
		}
	}
	if !f.DoSample {
		return g, nil
	}
	g.Temperature = 1
	if t := f.Temperature; t != nil {
		if g.Temperature = float32(*t); !(*t >= 0 && *t <= MaxTemperature) {
			return g, fmt.Errorf("temperature %g: must be in [0, %d]", *t, MaxTemperature)
		}
	}
	return g, nil
}

// ignored lists the entries of a file that change completions and are not
// followed.
func ignored(b []byte, doSample bool) []string {
	var f map[string]json.RawMessage
	if json.Unmarshal(b, &f) != nil {
		return nil // as reading it has said
	}
	var all []string
	for _, e := range ignoredEntries {
		raw := f[e.name]
		var number float64
		empty := len(raw) == 0 || string(raw) == "null" || string(raw) == "[]" || string(raw) == "{}"
		neutral := json.Unmarshal(raw, &number) == nil && number == e.neutral
		if empty || neutral || e.sampled && !doSample {
			continue
		}
		text := e.name
		if len(raw) <= maxShown {
			text += " " + string(raw)
		}
		all = append(all, text)
	}
	return all
}

// maxShown is the bytes of an entry up to which it is shown.
const maxShown = 24

// write writes g and the ids that begin a sequence into dir.
func (g Generation) write(dir string, bos []int32) error {
	eos := tokenIDs(g.EOS)
	return writeJSON(filepath.Join(dir, GenerationFile), generationFile{BOS: bos, EOS: &eos})
}
