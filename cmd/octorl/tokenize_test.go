package main

import (
	"bufio"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/octorl/octorl/policy/tokenizer"
)

func TestTokenizeLines(t *testing.T) {
	// Bytes are their own ids; the merge of a and b is 256, <|e|> is 257.
	tok, err := tokenizer.Train(slices.Values([]string{"ab ab"}), tokenizer.TrainConfig{Vocab: 258, Specials: []string{"<|e|>"}})
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name    string
		verb    tokenizeVerb
		in      string
		out     string
		wantErr string
	}{
		{"encode", tokenizeVerb{}, `{"text":"abc<|e|>","id":7}` + "\n\n" + `{"text":""}`, `{"ids":[256,99,257]}` + "\n" + `{"ids":[]}` + "\n", ""},
		{"around", tokenizeVerb{Special: true}, `{"text":"ab"}`, `{"ids":[256]}` + "\n", ""},
		{"decode", tokenizeVerb{Decode: true}, `{"ids":[256,60,257]}` + "\n", `{"text":"ab<<|e|>"}` + "\n", ""},
		{"without special", tokenizeVerb{Decode: true, Special: true}, `{"ids":[256,257]}`, `{"text":"ab"}` + "\n", ""},
		{"half a character", tokenizeVerb{Decode: true}, `{"ids":[195]}`, "{\"text\":\"\ufffd\"}\n", ""},
		{"not JSON", tokenizeVerb{}, `{"text":"a"}` + "\n" + `{"text"`, `{"ids":[97]}` + "\n", "line 2: unexpected end"},
		{"no text", tokenizeVerb{}, "\n" + `{"ids":[1]}`, "", `line 2: no "text"`},
		{"no ids", tokenizeVerb{Decode: true}, `{"text":"a"}`, "", `line 1: no "ids"`},
		{"unknown id", tokenizeVerb{Decode: true}, `{"ids":[258]}`, "", "line 1: id 258 is outside the vocabulary of 258"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			err := c.verb.convert(tok, strings.NewReader(c.in), &out)
			if out.String() != c.out {
				t.Errorf("wrote %q, want %q", out.String(), c.out)
			}
			if c.wantErr == "" && err != nil || c.wantErr != "" && (err == nil || !strings.Contains(err.Error(), c.wantErr)) {
				t.Errorf("error %v, want one with %q", err, c.wantErr)
			}
		})
	}
}

// A program that writes a line and waits for its answer gets it before the input ends.
func TestTokenizeAnswersLineByLine(t *testing.T) {
	tok, err := tokenizer.Train(slices.Values([]string{"ab ab"}), tokenizer.TrainConfig{Vocab: 257})
	if err != nil {
		t.Fatal(err)
	}
	in, asked := io.Pipe()
	answered, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- (&tokenizeVerb{}).convert(tok, in, out)
		out.Close()
	}()
	answers := bufio.NewReader(answered)
	for range 2 {
		if _, err := io.WriteString(asked, `{"text":"abc"}`+"\n"); err != nil {
			t.Fatal(err)
		}
		if line, err := answers.ReadString('\n'); err != nil || line != `{"ids":[256,99]}`+"\n" {
			t.Fatalf("answer %q, %v", line, err)
		}
	}
	asked.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
