package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/octorl/octorl/policy/tokenizer"
)

// tokenizeVerb turns JSON lines of text into JSON lines of ids, or back.
type tokenizeVerb struct {
	Tokenizer string `required:"" help:"Checkpoint folder, tokenizer.json, vocab.json beside its merges.txt, or tiktoken file." placeholder:"DIR|FILE"`
	Special   bool   `help:"Put the special tokens around each text that belong there; with --decode, leave special tokens out."`
	Decode    bool   `help:"Turn {\"ids\":[…]} into {\"text\":…}; bytes that are not UTF-8 become U+FFFD."`
}

// Run implements the verb, from standard input to standard output.
func (v *tokenizeVerb) Run() error {
	tok, err := tokenizer.Load(v.Tokenizer)
	if err != nil {
		return err
	}
	return v.convert(tok, os.Stdin, os.Stdout)
}

type textLine struct {
	Text *string `json:"text"`
}

type idsLine struct {
	IDs []int32 `json:"ids"`
}

// convert reads lines from in and writes as many to out, which has all that was
// asked whenever in has nothing more at hand. Its errors name the line, counted
// from 1, at which it stopped.
func (v *tokenizeVerb) convert(tok *tokenizer.Tokenizer, in io.Reader, out io.Writer) (err error) {
	written := bufio.NewWriterSize(out, 1<<16)
	defer func() { err = errors.Join(err, written.Flush()) }()
	r, encoder := bufio.NewReaderSize(in, 1<<16), json.NewEncoder(written)
	encoder.SetEscapeHTML(false)
	for number := 1; ; number++ {
		line, readErr := r.ReadBytes('\n')
		if readErr != nil && readErr != io.EOF {
			return fmt.Errorf("line %d: %w", number, readErr)
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			converted, err := v.line(tok, line)
			if err != nil {
				return fmt.Errorf("line %d: %w", number, err)
			}
			if err := encoder.Encode(converted); err != nil {
				return fmt.Errorf("write line %d: %w", number, err)
			}
		}
		if readErr == io.EOF {
			return nil
		}
		if r.Buffered() == 0 {
			if err := written.Flush(); err != nil {
				return fmt.Errorf("write line %d: %w", number, err)
			}
		}
	}
}

// line converts one line.
func (v *tokenizeVerb) line(tok *tokenizer.Tokenizer, line []byte) (any, error) {
	if v.Decode {
		return v.decode(tok, line)
	}
	var text textLine
	if err := json.Unmarshal(line, &text); err != nil {
		return nil, fmt.Errorf(`%w; each line must be {"text":…}`, plainFault(err))
	}
	if text.Text == nil {
		return nil, errors.New(`no "text" in the object`)
	}
	if v.Special {
		return idsLine{tok.EncodeSpecial(*text.Text)}, nil
	}
	return idsLine{tok.Encode(*text.Text)}, nil
}

func (v *tokenizeVerb) decode(tok *tokenizer.Tokenizer, line []byte) (any, error) {
	var ids idsLine
	if err := json.Unmarshal(line, &ids); err != nil {
		return nil, fmt.Errorf(`%w; each line must be {"ids":[…]}`, plainFault(err))
	}
	if ids.IDs == nil {
		return nil, errors.New(`no "ids" in the object`)
	}
	for _, id := range ids.IDs {
		if id < 0 || int(id) >= tok.VocabSize() {
			return nil, fmt.Errorf("id %d is outside the vocabulary of %d", id, tok.VocabSize())
		}
	}
	text := valid(tok.Decode(ids.IDs, v.Special))
	return textLine{&text}, nil
}
