package chat

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/octorl/octorl/internal/jinja"
)

// TestEqualsTransformers renders what testdata/generate.py rendered with
// apply_chat_template.
func TestEqualsTransformers(t *testing.T) {
	folders, err := filepath.Glob("testdata/*/expected.json")
	if err != nil || len(folders) == 0 {
		t.Fatalf("%d folders, %v", len(folders), err)
	}
	for _, path := range folders {
		template, err := Load(filepath.Dir(path))
		if err != nil {
			t.Error(err)
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var cases []struct {
			Conversation struct{ Messages, Tools, Variables json.RawMessage }
			Want         *string
		}
		if err := json.Unmarshal(data, &cases); err != nil {
			t.Fatal(err)
		}
		for i, c := range cases {
			if string(c.Conversation.Tools) == "null" {
				c.Conversation.Tools = nil
			}
			got, err := template.Render(Conversation{Messages: c.Conversation.Messages, Tools: c.Conversation.Tools, Variables: c.Conversation.Variables})
			switch {
			case c.Want == nil && !errors.Is(err, ErrRefused):
				t.Errorf("%s, case %d: error %v, want %v", path, i, err, ErrRefused)
			case c.Want != nil && (err != nil || got != *c.Want):
				t.Errorf("%s, case %d: %v\n got %q\nwant %q", path, i, err, got, *c.Want)
			}
		}
	}
}

// write makes a folder of files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// render renders one question with the template of a folder of files.
func render(t *testing.T, files map[string]string, c Conversation) (string, error) {
	t.Helper()
	template, err := Load(write(t, files))
	if err != nil {
		return "", err
	}
	if c.Messages == nil {
		c.Messages = json.RawMessage(`[{"role":"user","content":"q"}]`)
	}
	return template.Render(c)
}

func TestPlaces(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		tools string
		want  string
	}{
		"in the settings":     {map[string]string{ConfigFile: `{"chat_template":"a"}`}, "", "a"},
		"in a file":           {map[string]string{TemplateFile: "b\n", ConfigFile: `{"chat_template":"a"}`}, "", "b"},
		"without settings":    {map[string]string{TemplateFile: "b"}, "", "b"},
		"by name":             {map[string]string{ConfigFile: `{"chat_template":[{"name":"tool_use","template":"t"},{"name":"default","template":"d"}]}`}, "", "d"},
		"with tools":          {map[string]string{ConfigFile: `{"chat_template":[{"name":"tool_use","template":"t"},{"name":"default","template":"d"}]}`}, "[]", "t"},
		"tools without a use": {map[string]string{ConfigFile: `{"chat_template":"{{ tools | length }}"}`}, "[1,2]", "2"},
		"in a folder":         {map[string]string{TemplateFile: "b", "additional_chat_templates/tool_use.jinja": "t"}, "[]", "t"},
		"older tokens":        {map[string]string{TemplateFile: "{{ bos_token }}{{ eos_token }}", ConfigFile: `{"bos_token":{"content":"<s>"}}`, "special_tokens_map.json": `{"bos_token":"no","eos_token":"</s>"}`}, "", "<s></s>"},
		"no such token":       {map[string]string{TemplateFile: "{{ bos_token }}|", ConfigFile: `{"bos_token":null}`}, "", "|"},
	} {
		got, err := render(t, c.files, Conversation{Tools: json.RawMessage(c.tools)})
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	plain := map[string]string{TemplateFile: "x"}
	for name, c := range map[string]struct {
		files map[string]string
		conv  Conversation
		want  string
	}{
		"none":             {map[string]string{ConfigFile: `{"chat_template":null}`}, Conversation{}, "no chat template in"},
		"settings damaged": {map[string]string{ConfigFile: `{"chat`}, Conversation{}, ConfigFile},
		"a number":         {map[string]string{ConfigFile: `{"chat_template":5}`}, Conversation{}, "must be a string or a list"},
		"without a name":   {map[string]string{ConfigFile: `{"chat_template":[{"template":"x"}]}`}, Conversation{}, "chat_template[0]"},
		"no default":       {map[string]string{ConfigFile: `{"chat_template":[{"name":"rag","template":"x"}]}`}, Conversation{}, `chat templates rag, and none is named "default"`},
		"does not parse":   {map[string]string{TemplateFile: "a\n{% if %}"}, Conversation{}, TemplateFile + ": line 2"},
		"does not render":  {map[string]string{TemplateFile: "{{ messages[7].content }}"}, Conversation{}, TemplateFile + ": line 1"},
		"no messages":      {plain, Conversation{Messages: json.RawMessage(`[]`)}, "give a JSON list of objects"},
		"messages of text": {plain, Conversation{Messages: json.RawMessage(`["hi"]`)}, "give a JSON list of objects"},
		"tools no list":    {plain, Conversation{Tools: json.RawMessage(`{}`)}, "tools of a conversation"},
		"variables a list": {plain, Conversation{Variables: json.RawMessage(`[]`)}, "give a JSON object"},
	} {
		if _, err := render(t, c.files, c.conv); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
	if _, err := render(t, map[string]string{}, Conversation{}); !errors.Is(err, ErrNone) {
		t.Errorf("empty folder: error %v, want %v", err, ErrNone)
	}
}

func TestRefusalKeepsTheWords(t *testing.T) {
	_, err := render(t, map[string]string{TemplateFile: "{{ raise_exception('roles must alternate') }}"}, Conversation{})
	if !errors.Is(err, ErrRefused) || !strings.HasSuffix(err.Error(), ": roles must alternate") {
		t.Errorf("error %v, want %v with the words of the template", err, ErrRefused)
	}
}

func TestHostileTemplateEnds(t *testing.T) {
	_, err := render(t, map[string]string{TemplateFile: "{% for i in range(10000000000) %}{% endfor %}"}, Conversation{})
	if !errors.Is(err, jinja.ErrLimit) {
		t.Errorf("error %v, want %v", err, jinja.ErrLimit)
	}
}

func TestOf(t *testing.T) {
	c, err := Of(time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC), Message{"system", "s<"}, Message{"user", "u"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := render(t, map[string]string{TemplateFile: "{% for m in messages %}{{ m.role }}={{ m.content }};{% endfor %}{{ strftime_now('%d.%m.') }}"}, c)
	if want := "system=s<;user=u;03.02."; err != nil || got != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

// FuzzLoad wants an error or a template, never a panic.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"chat_template":[{"name":"default","template":"{{ bos_token }}"}],"bos_token":{"content":"<s>"}}`))
	f.Fuzz(func(t *testing.T, settings []byte) {
		template, err := Load(write(t, map[string]string{ConfigFile: string(settings)}))
		if err != nil {
			return
		}
		c, err := Of(time.Time{}, Message{"user", "q"})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = template.Render(c)
	})
}
