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
	Ignored     []string // entries of the file that change sampling and are not followed, e.g. "top_p 0.9"
}

// generationFile is GenerationFile, the part of it that bears on sampling.
type generationFile struct {
	BOS               tokenIDs  `json:"bos_token_id"`
	EOS               *tokenIDs `json:"eos_token_id"`
	DoSample          bool      `json:"do_sample"`
	Temperature       *float64  `json:"temperature,omitempty"`
	TopP              *float64  `json:"top_p,omitempty"`
	TopK              *int      `json:"top_k,omitempty"`
	MinP              *float64  `json:"min_p,omitempty"`
	RepetitionPenalty *float64  `json:"repetition_penalty,omitempty"`
}

// ReadGeneration reads the GenerationFile of the checkpoint folder dir, whose
// config is c. Without the file, or without an entry, the end tokens are c's and
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
	if i := slices.IndexFunc(g.EOS, func(id int32) bool { return id < 0 || int(id) >= c.Vocab }); i >= 0 {
		return g, fmt.Errorf("eos_token_id %d is outside the vocabulary of %d", g.EOS[i], c.Vocab)
	}
	g.Ignored = f.ignored()
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

// ignored lists what changes the distribution besides the temperature.
func (f *generationFile) ignored() []string {
	var all []string
	add := func(name string, v *float64, neutral float64) {
		if v != nil && *v != neutral {
			all = append(all, fmt.Sprintf("%s %g", name, *v))
		}
	}
	add("repetition_penalty", f.RepetitionPenalty, 1)
	if !f.DoSample {
		return all
	}
	add("top_p", f.TopP, 1)
	if f.TopK != nil && *f.TopK != 0 {
		all = append(all, fmt.Sprintf("top_k %d", *f.TopK))
	}
	add("min_p", f.MinP, 0)
	return all
}

// write writes g and the ids that begin a sequence into dir.
func (g Generation) write(dir string, bos []int32) error {
	eos := tokenIDs(g.EOS)
	return writeJSON(filepath.Join(dir, GenerationFile), generationFile{BOS: bos, EOS: &eos})
}
