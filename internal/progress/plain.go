package progress

import (
	"fmt"
	"strings"
	"time"
)

// plain decides which steps get a line where there is no terminal.
type plain struct {
	stage string
	last  time.Time
}

// step returns the line for the news of the active stage, or "": its first and
// last step have one, those between at most one every so often.
func (p *plain) step(r *run, now time.Time, every time.Duration) string {
	s := &r.stages[r.active]
	if s.Name == p.stage && s.news.Step < s.news.NumSteps && now.Sub(p.last) < every {
		return ""
	}
	p.stage, p.last = s.Name, now
	parts := []string{fmt.Sprintf("%s step %d/%d", s.Name, s.news.Step, s.news.NumSteps)}
	if s.news.TokensPerSecond > 0 {
		parts = append(parts, speed(s.news.TokensPerSecond))
	}
	if len(s.news.Metrics) > 0 {
		parts = append(parts, metrics(s.news.Metrics))
	}
	if left := r.left(now); left > 0 {
		parts = append(parts, clock(left)+" left in all")
	}
	return strings.Join(parts, "  ") + "\n"
}
