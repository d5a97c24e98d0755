package corpus

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
)

// StreamConfig says how a mixture becomes tokens.
type StreamConfig struct {
	Seed      uint64                    // of the order of documents
	MaxTokens int                       // longest piece of a document, at least 1
	EndOfText int32                     // id appended to every document
	Encode    func(text string) []int32 // gives the ids of a text, for the stream to keep
}

// Stream yields the tokens of a mixture in batches, for ever. The next document
// comes from the source that is furthest behind its share of all tokens so far,
// so no source is ever ahead by more than one of its documents. Sources that end
// are read in an order drawn anew for each pass. A stream is a function of its
// mixture and configuration; it is for one goroutine.
type Stream struct {
	mixture *Mixture
	config  StreamConfig
	state   StreamState
	orders  [][]int // order of the running pass by source; nil where not drawn
	rest    []int32 // of the running document
}

// StreamState is where a stream stands, small enough for every checkpoint.
type StreamState struct {
	Cursors []Cursor `json:"cursors"` // by source, in the order of the mixture
	Running int      `json:"running"` // source of the unfinished document; -1 where there is none
	Offset  int      `json:"offset"`  // tokens of that document already given
}

// Cursor is how far one source has been read.
type Cursor struct {
	Source string `json:"source"`
	Epoch  int    `json:"epoch"`  // passes finished
	Index  int    `json:"index"`  // documents finished in this pass
	Tokens int64  `json:"tokens"` // given in all, the end-of-text ids included
}

// NewStream returns a stream at its beginning. It panics when MaxTokens is less
// than 1.
func NewStream(m *Mixture, config StreamConfig) *Stream {
	if config.MaxTokens < 1 {
		panic(fmt.Sprintf("corpus: pieces of at most %d tokens", config.MaxTokens))
	}
	s := &Stream{mixture: m, config: config, orders: make([][]int, len(m.sources))}
	s.state.Running = -1
	for _, source := range m.sources {
		s.state.Cursors = append(s.state.Cursors, Cursor{Source: source.Name()})
	}
	return s
}

// Next returns pieces of exactly this many tokens together, for the caller to
// keep. A piece is a whole document with the end-of-text id, or a part of one: long
// documents are cut every MaxTokens, and what the end of a batch cuts off goes on
// in the next batch as a piece of its own, so no token is lost. Only the last piece
// of a document has the end-of-text id.
func (s *Stream) Next(tokens int) [][]int32 {
	var pieces [][]int32
	for tokens > 0 {
		if s.state.Running < 0 {
			s.state.Running, s.state.Offset = s.furthestBehind(), 0
			s.load()
		}
		n := min(len(s.rest), s.config.MaxTokens, tokens)
		pieces = append(pieces, s.rest[:n:n])
		tokens -= n
		s.advance(n)
	}
	return pieces
}

// furthestBehind returns the source that lacks most tokens of its share.
func (s *Stream) furthestBehind() int {
	total := int64(1) // counting the next token lets the largest share begin
	for _, c := range s.state.Cursors {
		total += c.Tokens
	}
	best, most := 0, -1.0
	for i, share := range s.mixture.shares {
		// The conversion keeps compilers from fusing the product and the
		// difference, which would round otherwise on other machines.
		if behind := float64(share*float64(total)) - float64(s.state.Cursors[i].Tokens); behind > most {
			best, most = i, behind
		}
	}
	return best
}

// load encodes the document at the running source's cursor.
func (s *Stream) load() {
	c := s.state.Cursors[s.state.Running]
	source := s.mixture.sources[s.state.Running]
	i := c.Index
	if source.Len() > 0 {
		i = s.order(s.state.Running)[i]
	}
	s.rest = append(s.config.Encode(source.Document(c.Epoch, i)), s.config.EndOfText)
}

// order returns the order of documents in the running pass of a source.
func (s *Stream) order(i int) []int {
	if s.orders[i] == nil {
		c := s.state.Cursors[i]
		h := fnv.New64a()
		h.Write([]byte(c.Source))
		rng := rand.New(rand.NewPCG(mix(s.config.Seed+mix(h.Sum64())), uint64(c.Epoch)))
		s.orders[i] = rng.Perm(s.mixture.sources[i].Len())
	}
	return s.orders[i]
}

// advance counts n tokens of the running document as given.
func (s *Stream) advance(n int) {
	running := s.state.Running
	c := &s.state.Cursors[running]
	c.Tokens += int64(n)
	s.rest = s.rest[n:]
	s.state.Offset += n
	if len(s.rest) > 0 {
		return
	}
	s.state.Running, s.state.Offset = -1, 0
	c.Index++
	if length := s.mixture.sources[running].Len(); length > 0 && c.Index == length {
		c.Epoch, c.Index = c.Epoch+1, 0
		s.orders[running] = nil
	}
}

// State returns where the stream stands, sharing nothing with it.
func (s *Stream) State() StreamState {
	state := s.state
	state.Cursors = append([]Cursor(nil), s.state.Cursors...)
	return state
}

// SetState makes the stream go on where another of the same mixture and
// configuration stood, with the same tokens. It returns an error, and leaves the
// stream as it was, when the state belongs to other sources or to documents that
// have changed.
func (s *Stream) SetState(state StreamState) error {
	if err := s.check(state); err != nil {
		return fmt.Errorf("resume mixture: %w; start the stage anew or restore its corpora", err)
	}
	next := NewStream(s.mixture, s.config)
	next.state = state
	next.state.Cursors = append([]Cursor(nil), state.Cursors...)
	if state.Running >= 0 {
		next.load()
		if state.Offset >= len(next.rest) {
			return fmt.Errorf("resume mixture: a document of source %s has %d tokens and %d were given; restore its corpus",
				state.Cursors[state.Running].Source, len(next.rest), state.Offset)
		}
		next.rest = next.rest[state.Offset:]
	}
	*s = *next
	return nil
}

func (s *Stream) check(state StreamState) error {
	sources := s.mixture.sources
	if len(state.Cursors) != len(sources) {
		return fmt.Errorf("the state has %d sources and the mixture %d", len(state.Cursors), len(sources))
	}
	for i, c := range state.Cursors {
		if c.Source != sources[i].Name() {
			return fmt.Errorf("source %d is %s in the state and %s in the mixture", i, c.Source, sources[i].Name())
		}
		length := sources[i].Len()
		if c.Epoch < 0 || c.Index < 0 || c.Tokens < 0 || length > 0 && c.Index >= length {
			return fmt.Errorf("source %s has no document %d in pass %d", c.Source, c.Index, c.Epoch)
		}
	}
	if state.Running < -1 || state.Running >= len(sources) || state.Offset < 0 {
		return fmt.Errorf("document of source %d at token %d", state.Running, state.Offset)
	}
	return nil
}
