// Package chat turns conversations into prompts with the chat template of a
// checkpoint folder, as apply_chat_template of transformers does: messages as
// JSON enter, a text leaves, which is then encoded without further special
// tokens. Of policies and tokenizers it knows only which files hold a template.
// Read Load, Template and Conversation.
package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/octorl/octorl/internal/jinja"
)

// ErrNone is returned when a checkpoint folder has no chat template.
var ErrNone = errors.New("no chat template")

// ErrRefused is returned when a template rejects a conversation, with the
// template's own words: for instance roles that do not alternate.
var ErrRefused = errors.New("the chat template refuses the conversation")

// Template is the chat templates of a checkpoint, and its special tokens.
type Template struct {
	// Place is the file that the default template is from.
	Place string
	// Bytes is the length of the default template.
	Bytes int

	templates map[string]*jinja.Template // by name
	tokens    map[string]jinja.Value     // bos_token and its like
}

// The names of templates that transformers chooses by itself.
const (
	defaultName = "default"
	toolsName   = "tool_use" // where there are tools
)

// Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Conversation is what a template renders.
type Conversation struct {
	// Messages is a JSON list of objects, usually with role and content.
	Messages json.RawMessage
	// Tools is a JSON list of the functions that the model may call, or nil.
	Tools json.RawMessage
	// Variables is a JSON object of what the template takes besides, such as
	// {"enable_thinking": false}, or nil.
	Variables json.RawMessage
	// Now is what a template takes for the time.
	Now time.Time
}

// Of returns a conversation of messages.
func Of(now time.Time, messages ...Message) (Conversation, error) {
	raw, err := json.Marshal(messages)
	return Conversation{Messages: raw, Now: now}, err
}

// Render returns the prompt of a conversation, up to where the assistant's next
// message begins. It returns an error that wraps ErrRefused where the template
// says so, and jinja.ErrLimit where it does not end; other errors name the line
// of the template.
func (t *Template) Render(c Conversation) (string, error) {
	variables, err := t.variables(c)
	if err != nil {
		return "", err
	}
	parsed, err := t.choose(variables["tools"] != nil)
	if err != nil {
		return "", err
	}
	text, err := parsed.Render(variables, jinja.Options{Now: c.Now})
	switch {
	case errors.Is(err, jinja.ErrRaised):
		_, reason, _ := strings.Cut(err.Error(), jinja.ErrRaised.Error()+": ")
		return "", fmt.Errorf("%w: %s", ErrRefused, reason)
	case err != nil:
		return "", fmt.Errorf("render the chat template of %s: %w", t.Place, err)
	}
	return text, nil
}

// choose returns the template that transformers would take.
func (t *Template) choose(tools bool) (*jinja.Template, error) {
	if parsed := t.templates[toolsName]; tools && parsed != nil {
		return parsed, nil
	}
	if parsed := t.templates[defaultName]; parsed != nil {
		return parsed, nil
	}
	names := slices.Sorted(maps.Keys(t.templates))
	return nil, fmt.Errorf("%s has the chat templates %s, and none is named %q", t.Place, strings.Join(names, ", "), defaultName)
}

// variables returns what the template sees.
func (t *Template) variables(c Conversation) (map[string]jinja.Value, error) {
	out := map[string]jinja.Value{"tools": nil, "documents": nil, "add_generation_prompt": true}
	maps.Copy(out, t.tokens)
	var extra map[string]json.RawMessage
	if len(c.Variables) > 0 {
		if err := json.Unmarshal(c.Variables, &extra); err != nil {
			return nil, fmt.Errorf("variables of the chat template: %w; give a JSON object", err)
		}
	}
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(c.Messages, &list); err != nil || len(list) == 0 {
		return nil, errors.New(`messages of a conversation: give a JSON list of objects such as {"role":"user","content":"…"}`)
	}
	if len(c.Tools) > 0 {
		var tools []json.RawMessage
		if err := json.Unmarshal(c.Tools, &tools); err != nil {
			return nil, fmt.Errorf("tools of a conversation: %w; give a JSON list", err)
		}
		extra = with(extra, "tools", c.Tools)
	}
	for name, raw := range with(extra, "messages", c.Messages) {
		v, err := jinja.FromJSON(raw)
		if err != nil {
			return nil, fmt.Errorf("%s of a conversation: %w", name, err)
		}
		out[name] = v
	}
	return out, nil
}

func with(m map[string]json.RawMessage, name string, raw json.RawMessage) map[string]json.RawMessage {
	if m == nil {
		m = map[string]json.RawMessage{}
	}
	m[name] = raw
	return m
}
