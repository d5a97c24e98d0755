package policy

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParseGeneration(t *testing.T) {
	c := tinyConfig(Llama) // 37 ids, ends with 1 or 2
	for _, tt := range []struct {
		text string
		want Generation
	}{
		{`{}`, Generation{EOS: []int32{1, 2}}},
		{`{"temperature":0.6}`, Generation{EOS: []int32{1, 2}}}, // without do_sample transformers is greedy
		{`{"do_sample":true}`, Generation{EOS: []int32{1, 2}, Temperature: 1}},
		{`{"do_sample":true,"temperature":0.5,"eos_token_id":36}`, Generation{EOS: []int32{36}, Temperature: 0.5}},
		{`{"eos_token_id":[3,4,5]}`, Generation{EOS: []int32{3, 4, 5}}},
		{`{"do_sample":true,"top_k":20,"top_p":0.9,"min_p":0,"repetition_penalty":1.1}`,
			Generation{EOS: []int32{1, 2}, Temperature: 1, Ignored: []string{"repetition_penalty 1.1", "top_p 0.9", "top_k 20"}}},
		{`{"max_new_tokens":2048,"stop_strings":["a","","b"],"top_k":null,"num_beams":1,"bad_words_ids":[]}`,
			Generation{EOS: []int32{1, 2}, MaxTokens: 2048, Stops: []string{"a", "b"}}},
		{`{"stop_strings":"a","num_beams":4,"no_repeat_ngram_size":3,"bad_words_ids":[[1,2,3],[4,5,6],[7,8,9],[10]],"top_p":0.5}`,
			Generation{EOS: []int32{1, 2}, Stops: []string{"a"}, Ignored: []string{"no_repeat_ngram_size 3", "num_beams 4", "bad_words_ids"}}},
		{`{"top_k":20,"repetition_penalty":1.1}`, Generation{EOS: []int32{1, 2}, Ignored: []string{"repetition_penalty 1.1"}}},
	} {
		if got, err := parseGeneration([]byte(tt.text), c); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v; expected %+v", tt.text, got, err, tt.want)
		}
	}
}

func TestReadGenerationRefusesByName(t *testing.T) {
	for text, want := range map[string]string{
		`{"eos_token_id":37}`:                 "eos_token_id 37",
		`{"eos_token_id":[1,-1]}`:             "eos_token_id -1",
		`{"do_sample":true,"temperature":-1}`: "temperature -1",
		`{"temperature":"hot"}`:               "temperature",
		`{"max_new_tokens":0}`:                "max_new_tokens 0",
		`{"stop_strings":[1]}`:                "stop_strings",
		`[`:                                   "unexpected end",
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, GenerationFile)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := ReadGeneration(dir, tinyConfig(Llama))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, expected the file's name and %q", text, err, want)
		}
	}
}

func TestSaveWritesGeneration(t *testing.T) {
	for _, cfg := range tinyConfigs() {
		dir := save(t, newPolicy(t, cfg, 36))
		g, err := ReadGeneration(dir, Config{Vocab: cfg.Vocab})
		if err != nil || !reflect.DeepEqual(g, Generation{EOS: cfg.EOS}) {
			t.Errorf("%+v, %v; expected the ends %v", g, err, cfg.EOS)
		}
		os.Remove(filepath.Join(dir, GenerationFile))
		if g, err := ReadGeneration(dir, cfg); err != nil || !reflect.DeepEqual(g, Generation{EOS: cfg.EOS}) {
			t.Errorf("without the file: %+v, %v; expected the ends %v", g, err, cfg.EOS)
		}
	}
}

func FuzzParseGeneration(f *testing.F) {
	f.Add([]byte(`{"do_sample":true,"temperature":0.6,"top_p":0.9,"eos_token_id":[1,2]}`))
	f.Add([]byte(`{"eos_token_id":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := parseGeneration(b, tinyConfig(Llama))
		if err != nil {
			return
		}
		if !(g.Temperature >= 0 && g.Temperature <= MaxTemperature) {
			t.Errorf("temperature %g", g.Temperature)
		}
		for _, id := range g.EOS {
			if id < 0 || id >= 37 {
				t.Errorf("end token %d of 37", id)
			}
		}
	})
}
