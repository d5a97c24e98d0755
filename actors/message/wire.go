package message

import (
	"reflect"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/octorl/octorl/policy"
	"github.com/octorl/octorl/rollout/trajectory"
)

// The wire forms of package trajectory, which knows nothing of this one.
type (
	problem struct {
		ID       string `msgpack:"i"`
		Question string `msgpack:"q"`
		Answer   string `msgpack:"a"`
		Level    int    `msgpack:"l"`
		Source   string `msgpack:"s"`
	}

	group struct {
		ID           string             `msgpack:"i"`
		Problem      trajectory.Problem `msgpack:"p"`
		Prompt       Int32s             `msgpack:"r"`
		Trajectories []completion       `msgpack:"t"`
	}

	completion struct {
		Index    int                     `msgpack:"n"`
		Tokens   Int32s                  `msgpack:"c"`
		LogProbs Float32s                `msgpack:"l"`
		Versions int64s                  `msgpack:"v"`
		Finish   trajectory.FinishReason `msgpack:"f"`
		Text     string                  `msgpack:"x"`
	}
)

func init() {
	register(func(p trajectory.Problem) problem { return problem(p) },
		func(w problem) trajectory.Problem { return trajectory.Problem(w) })
	register(toWire, fromWire)
}

// register makes T travel as W.
func register[T, W any](to func(T) W, from func(W) T) {
	msgpack.Register(*new(T),
		func(e *msgpack.Encoder, v reflect.Value) error { return e.Encode(to(v.Interface().(T))) },
		func(d *msgpack.Decoder, v reflect.Value) error {
			var w W
			if err := d.Decode(&w); err != nil {
				return err
			}
			v.Set(reflect.ValueOf(from(w)))
			return nil
		})
}

func toWire(g trajectory.Group) group {
	w := group{ID: g.ID, Problem: g.Problem, Prompt: g.Prompt}
	for _, t := range g.Trajectories {
		c := completion{Index: t.Index, Tokens: t.Completion, LogProbs: t.LogProbs, Finish: t.Finish, Text: t.Text}
		for _, v := range t.Versions {
			c.Versions = append(c.Versions, int64(v))
		}
		w.Trajectories = append(w.Trajectories, c)
	}
	return w
}

func fromWire(w group) trajectory.Group {
	g := trajectory.Group{ID: w.ID, Problem: w.Problem, Prompt: w.Prompt}
	for _, c := range w.Trajectories {
		t := trajectory.Trajectory{Index: c.Index, Completion: c.Tokens, LogProbs: c.LogProbs, Finish: c.Finish, Text: c.Text}
		for _, v := range c.Versions {
			t.Versions = append(t.Versions, policy.Version(v))
		}
		g.Trajectories = append(g.Trajectories, t)
	}
	return g
}
