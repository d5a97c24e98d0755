package tokenizer

// Stream decodes ids one at a time into text that can be shown at once: bytes
// that may begin a character wait for its rest. The concatenation of all that
// Push and Flush return equals Decode of the same ids. A Stream belongs to one
// goroutine.
type Stream struct {
	tokenizer   *Tokenizer
	skipSpecial bool
	pending     []byte // at most three bytes, the start of a character
}

// Stream returns a decoder with no bytes pending. With skipSpecial special
// tokens leave no trace.
func (t *Tokenizer) Stream(skipSpecial bool) *Stream {
	return &Stream{tokenizer: t, skipSpecial: skipSpecial}
}

// Push adds a token and returns the text that it completes, possibly none.
func (s *Stream) Push(id int32) string {
	if s.skipSpecial && s.tokenizer.Special(id) {
		return ""
	}
	s.pending = append(s.pending, s.tokenizer.Token(id)...)
	n := completePrefix(s.pending)
	text := string(s.pending[:n])
	s.pending = append(s.pending[:0], s.pending[n:]...)
	return text
}

// Flush returns the bytes still pending, which are not valid UTF-8, and empties
// the stream.
func (s *Stream) Flush() string {
	text := string(s.pending)
	s.pending = s.pending[:0]
	return text
}
