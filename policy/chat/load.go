package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/octorl/octorl/internal/jinja"
)

// The files of a checkpoint folder that bear on its chat template. A template in
// a file of its own counts before one in ConfigFile.
const (
	TemplateFile   = "chat_template.jinja"
	ConfigFile     = "tokenizer_config.json"
	moreTemplates  = "additional_chat_templates" // a folder, NAME.jinja
	tokensFile     = "special_tokens_map.json"   // of older folders
	templateSuffix = ".jinja"
)

// maxFile bounds the files that are read, bytes.
const maxFile = 64 << 20

// tokenNames are the special tokens that templates may write.
var tokenNames = []string{"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}

// Load reads the chat templates of a checkpoint folder. It returns ErrNone,
// wrapped with the folder, where there is none. Other errors name the file.
func Load(dir string) (*Template, error) {
	t := &Template{templates: map[string]*jinja.Template{}, tokens: map[string]jinja.Value{}}
	if err := t.readConfig(dir); err != nil {
		return nil, err
	}
	if err := t.readFiles(dir); err != nil {
		return nil, err
	}
	if len(t.templates) == 0 {
		return nil, fmt.Errorf("%w in %s: it has neither %s nor chat_template in %s", ErrNone, dir, TemplateFile, ConfigFile)
	}
	if err := t.readTokens(filepath.Join(dir, tokensFile)); err != nil {
		return nil, err
	}
	return t, nil
}

// read returns a file, or nil where there is none.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the chat template: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("it has more than %d bytes", maxFile)
	}
	if err != nil {
		return nil, fmt.Errorf("read the chat template of %s: %w", path, err)
	}
	return b, nil
}

// add parses a template that place holds.
func (t *Template) add(place, name, source string) error {
	parsed, err := jinja.Parse(source)
	if err != nil {
		return fmt.Errorf("read the chat template of %s: %w", place, err)
	}
	t.templates[name] = parsed
	if t.Place == "" || name == defaultName {
		t.Place, t.Bytes = place, len(source)
	}
	return nil
}

// readConfig reads the templates and the special tokens of ConfigFile.
func (t *Template) readConfig(dir string) error {
	path := filepath.Join(dir, ConfigFile)
	b, err := read(path)
	if err != nil || b == nil {
		return err
	}
	var f map[string]json.RawMessage
	if err := json.Unmarshal(b, &f); err != nil {
		return fmt.Errorf("read the chat template of %s: %w", path, err)
	}
	t.setTokens(f)
	raw := f["chat_template"]
	var one *string
	if len(raw) == 0 || json.Unmarshal(raw, &one) == nil {
		if one == nil {
			return nil
		}
		return t.add(path, defaultName, *one)
	}
	var named []struct{ Name, Template *string }
	if err := json.Unmarshal(raw, &named); err != nil {
		return fmt.Errorf("read chat_template of %s: it must be a string or a list of names and templates", path)
	}
	for i, n := range named {
		if n.Name == nil || n.Template == nil {
			return fmt.Errorf("read chat_template[%d] of %s: it lacks name or template", i, path)
		}
		if err := t.add(path, *n.Name, *n.Template); err != nil {
			return err
		}
	}
	return nil
}

// readFiles reads templates in files of their own.
func (t *Template) readFiles(dir string) error {
	paths, err := filepath.Glob(filepath.Join(escapeGlob(dir), moreTemplates, "*"+templateSuffix))
	if err != nil {
		return fmt.Errorf("look for chat templates in %s: %w", dir, err)
	}
	for _, path := range append(paths, filepath.Join(dir, TemplateFile)) {
		name := strings.TrimSuffix(filepath.Base(path), templateSuffix)
		if path == filepath.Join(dir, TemplateFile) {
			name = defaultName
		}
		b, err := read(path)
		if err == nil && b != nil {
			err = t.add(path, name, string(b))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// escapeGlob makes a folder's name match itself.
func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// readTokens adds special tokens that ConfigFile does not name.
func (t *Template) readTokens(path string) error {
	b, err := read(path)
	if err != nil || b == nil {
		return err
	}
	var f map[string]json.RawMessage
	if err := json.Unmarshal(b, &f); err != nil {
		return fmt.Errorf("read the special tokens of %s: %w", path, err)
	}
	t.setTokens(f)
	return nil
}

// setTokens takes the special tokens of a file over, where they are not known:
// texts, or objects with the text as content.
func (t *Template) setTokens(f map[string]json.RawMessage) {
	for name, raw := range f {
		if !slices.Contains(tokenNames, name) || t.tokens[name] != nil {
			continue
		}
		var text *string
		var object struct{ Content *string }
		if json.Unmarshal(raw, &text) != nil && json.Unmarshal(raw, &object) == nil {
			text = object.Content
		}
		if text != nil {
			t.tokens[name] = *text
		}
	}
}
