package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/policy/chat"
	"github.com/octorl/octorl/policy/tokenizer"
)

// inspectVerb describes a checkpoint and checks its files.
type inspectVerb struct {
	Dir string `arg:"" help:"Checkpoint folder in the Hugging Face layout, or RUN@STAGE."`
}

// Help implements kong's help of a verb.
func (v *inspectVerb) Help() string {
	return "Every weight is read. The exit status is 1 where a file has a fault."
}

// Run implements the verb.
func (v *inspectVerb) Run() error {
	dir, err := checkpointOf(v.Dir)
	if err != nil {
		return err
	}
	return inspect(os.Stdout, dir)
}

// inspect writes what is in dir, and returns an error where something is wrong.
func inspect(out io.Writer, dir string) error {
	x := policy.Inspect(dir)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if x.Config.Architecture != "" {
		describeConfig(w, x.Config)
	}
	if x.Config.Architecture != "" && !x.Config.ValueHead {
		describeSampling(w, x)
	}
	text, textFault := describeTokenizer(dir, x.Config)
	fmt.Fprintf(w, "tokenizer\t%s\n", text)
	template, templateFault := describeTemplate(dir)
	fmt.Fprintf(w, "template\t%s\n", template)
	criticFault := describeCritic(w, dir, &x)
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, f := range x.Files {
		describeFile(w, f)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return errors.Join(x.Fault(), criticFault, textFault, templateFault)
}

// describeCritic inspects the critic beside the policy of dir, if there is one,
// and adds its files to x. It returns what is wrong with more than one of them.
func describeCritic(w io.Writer, dir string, x *policy.Inspection) error {
	folder := filepath.Join(dir, policy.CriticDir)
	if !isDir(folder) {
		return nil
	}
	critic := policy.Inspect(folder)
	for _, f := range critic.Files {
		f.Name = filepath.Join(policy.CriticDir, f.Name)
		i := slices.IndexFunc(x.Files, func(other policy.InspectedFile) bool { return other.Name == f.Name })
		if i < 0 {
			x.Files = append(x.Files, f)
			continue
		}
		f.Fault = errors.Join(x.Files[i].Fault, f.Fault) // it differs from its checksum
		x.Files[i] = f
	}
	what := "not usable"
	if critic.Config.Architecture != "" {
		what = fmt.Sprintf("%d parameters, to train on; octorl export leaves it out", critic.Config.NumParameters())
	}
	fmt.Fprintf(w, "critic\t%s\n", what)
	return critic.Weights
}

func describeConfig(w io.Writer, c policy.Config) {
	h := c.Heads
	kind := ""
	if c.ValueHead {
		kind = " with a value head, a critic"
	}
	fmt.Fprintf(w, "architecture\t%s%s: %d layers of %d channels, feed-forward %d\n", c.Architecture, kind, c.Layers, c.Hidden, c.FFN)
	fmt.Fprintf(w, "attention\t%d query heads of %d over %d key/value heads; %d positions, rotary base %g%s\n",
		h.Query, h.Width, h.KeyValue, c.MaxPositions, c.Rope.Theta, scalingOf(c.Rope))
	tied := "embeddings and output apart"
	switch {
	case c.ValueHead:
		tied = "no output but values"
	case c.TieEmbeddings:
		tied = "embeddings tied to the output"
	}
	fmt.Fprintf(w, "vocabulary\t%d ids; %s\n", c.Vocab, tied)
	n := int64(c.NumParameters())
	fmt.Fprintf(w, "parameters\t%d\n", n)
	// Training adds gradients and AdamW's two moments to the weights.
	cached := 4 * int64(2*c.Layers*h.KeyValue*h.Width)
	fmt.Fprintf(w, "memory\t%s for the weights in float32, %s to train, %s of cache a token\n", sizeOf(4*n), sizeOf(16*n), sizeOf(cached))
}

func scalingOf(r policy.Rope) string {
	if r.Factor == 0 {
		return ""
	}
	return fmt.Sprintf(", stretched %g times from %d (llama3)", r.Factor, r.OriginalPositions)
}

func describeSampling(w io.Writer, x policy.Inspection) {
	ignored := ""
	if len(x.Generation.Ignored) > 0 {
		ignored = "; not followed: " + strings.Join(x.Generation.Ignored, ", ")
	}
	fmt.Fprintf(w, "sampling\ttemperature %g, end tokens %v%s\n", x.Generation.Temperature, x.Generation.EOS, ignored)
}

// describeTokenizer loads the tokenizer of dir. A missing one is no fault: ids
// can do without.
func describeTokenizer(dir string, c policy.Config) (string, error) {
	t, err := tokenizer.Load(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "none", nil
	case err != nil:
		return "not usable", err
	case c.Vocab != 0 && t.VocabSize() > c.Vocab:
		return "has more ids than the policy", fmt.Errorf("the tokenizer of %s has %d ids, the policy %d: texts with the rest are refused", dir, t.VocabSize(), c.Vocab)
	}
	text := fmt.Sprintf("%d ids", t.VocabSize())
	for _, id := range c.EOS {
		text += fmt.Sprintf("; %d ends a sequence: %q", id, t.Token(id))
	}
	return text, nil
}

// describeTemplate finds the chat template of dir and renders a question with it.
func describeTemplate(dir string) (string, error) {
	t, err := chat.Load(dir)
	switch {
	case errors.Is(err, chat.ErrNone):
		return "none", nil
	case err != nil:
		return "not usable", err
	}
	text := fmt.Sprintf("%d bytes in %s", t.Bytes, filepath.Base(t.Place))
	question, err := chat.Of(time.Now(), chat.Message{Role: "user", Content: "What is 2+2?"})
	if err == nil {
		_, err = t.Render(question)
	}
	switch {
	case errors.Is(err, chat.ErrRefused): // its right: it may want other messages
		return fmt.Sprintf("%s; a lone question it refuses: %v", text, err), nil
	case err != nil:
		return text + ", does not render", err
	}
	return text + ", renders", nil
}

func describeFile(w io.Writer, f policy.InspectedFile) {
	tensors, state := "", "ok"
	if f.Tensors > 0 {
		tensors = fmt.Sprintf("%d tensors, %s", f.Tensors, f.Types)
	}
	if f.Fault != nil {
		state = "FAULT"
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", f.Name, state, sizeOf(f.Bytes), tensors)
}

// sizeOf writes a size for people, in powers of 1000.
func sizeOf(n int64) string {
	size, unit := float64(n), "B"
	for _, larger := range []string{"kB", "MB", "GB", "TB"} {
		if size < 1000 {
			break
		}
		size, unit = size/1000, larger
	}
	return fmt.Sprintf("%.4g %s", size, unit)
}
