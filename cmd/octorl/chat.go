package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/octorl/octorl/policy/chat"
)

// chatFlags say how conversations become prompts.
type chatFlags struct {
	Chat      bool   `help:"Put each prompt into the checkpoint's chat template, as a user's message."`
	System    string `help:"System message before the prompt; implies --chat." placeholder:"TEXT"`
	Variables string `name:"chat-template-kwargs" help:"Variables of the chat template, e.g. {\"enable_thinking\": false}." placeholder:"JSON"`
}

// conversations turns conversations into ids with the template of a model, which
// is read when the first comes.
type conversations struct {
	model    *model
	flags    chatFlags
	now      time.Time
	template *chat.Template
}

// wanted reports whether prompts are messages of a user.
func (f chatFlags) wanted() bool { return f.Chat || f.System != "" }

// prompt returns the ids of one question.
func (c *conversations) prompt(text string) ([]int32, error) {
	messages := []chat.Message{{Role: "user", Content: text}}
	if c.flags.System != "" {
		messages = append([]chat.Message{{Role: "system", Content: c.flags.System}}, messages...)
	}
	one, err := chat.Of(c.now, messages...)
	if err != nil {
		return nil, err
	}
	return c.ids(one)
}

// messages returns the ids of a conversation that a line of input has.
func (c *conversations) messages(messages, tools json.RawMessage) ([]int32, error) {
	if c.flags.System != "" {
		return nil, errors.New(`--system goes with a prompt: write the system message into "messages"`)
	}
	return c.ids(chat.Conversation{Messages: messages, Tools: tools, Now: c.now})
}

func (c *conversations) ids(one chat.Conversation) ([]int32, error) {
	if c.template == nil {
		t, err := chat.Load(c.model.dir)
		if errors.Is(err, chat.ErrNone) {
			return nil, fmt.Errorf(`%w; give a "prompt" without --chat, or put a template there`, err)
		}
		if err != nil {
			return nil, err
		}
		c.template = t
	}
	if c.flags.Variables != "" {
		one.Variables = json.RawMessage(c.flags.Variables)
	}
	text, err := c.template.Render(one)
	if err != nil {
		return nil, err
	}
	tokens, err := c.model.tokenizer()
	if err != nil {
		return nil, err
	}
	// The template writes the special tokens itself; none come around it.
	return c.model.encode(tokens.Encode(text), nil)
}
