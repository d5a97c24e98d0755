package corpus

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// story is a kind of word problem: a chain of operations on drawn numbers and
// several ways to tell it.
//
// In plan, "a*b" multiplies the numbers a and b, and "1-c" takes c from the
// result of operation 1. In most, number a has the first bound and so on;
// numbers are at least 2, so that nouns stay plural. In leads, one for each
// operation, {} is the equation. In texts, the part before the bar is the story
// and the part behind it the question; {A} and {B} are people, {o} objects,
// {K} and {k} a container in the plural and singular, {a} to {e} the numbers.
type story struct {
	name  string
	most  []int
	plan  []string
	leads []string
	texts []string
}

// draw returns a problem of the kind, with every operation feasible and every
// result at least 2, so that nouns stay plural.
func (s *story) draw(rng *rand.Rand, level int) Problem {
	for {
		v := make([]int, len(s.most))
		for i, most := range s.most {
			v[i] = 2 + rng.IntN(most-1)
		}
		if steps, ok := s.derive(v); ok {
			return s.tell(rng, level, v, steps)
		}
	}
}

func (s *story) derive(v []int) (steps []Step, ok bool) {
	var results []int
	operand := func(c byte) int {
		if c >= 'a' {
			return v[c-'a']
		}
		return results[c-'1']
	}
	for i, p := range s.plan {
		left, op, right := operand(p[0]), Op(p[1]), operand(p[2])
		value, ok := apply(left, op, right)
		if !ok || value < 2 {
			return nil, false
		}
		results = append(results, value)
		steps = append(steps, said(derive(left, op, right), s.leads[i])...)
	}
	return steps, true
}

func (s *story) tell(rng *rand.Rand, level int, v []int, steps []Step) Problem {
	people := rng.Perm(len(names))
	container := pick(rng, containers)
	pairs := []string{
		"{A}", names[people[0]], "{B}", names[people[1]], "{o}", pick(rng, objects),
		"{K}", container[0], "{k}", container[1],
	}
	for i, n := range v {
		pairs = append(pairs, "{"+string(rune('a'+i))+"}", decimal(n))
	}
	fill := strings.NewReplacer(pairs...)
	tale, ask, _ := strings.Cut(fill.Replace(pick(rng, s.texts)), " | ")
	p := Problem{
		Level: level, Question: tale + " " + ask, Steps: steps, topic: tale, listed: true,
		Key:  fmt.Sprint("story ", s.name, " ", v),
		hint: pick(rng, []string{"It helps to go one step at a time.", "Each step uses the one before."}),
	}
	for i := range p.Steps {
		p.Steps[i].Sentence = fill.Replace(p.Steps[i].Sentence)
	}
	p.solve()
	return p
}

var names = []string{
	"Ada", "Ben", "Cara", "Dan", "Emma", "Finn", "Gina", "Hugo", "Ivy", "Jack", "Kim", "Leo",
	"Mia", "Noah", "Olga", "Paul", "Rosa", "Sam", "Tara", "Uma", "Vera", "Will", "Yara", "Zoe",
}

var objects = []string{
	"apples", "pears", "plums", "lemons", "eggs", "nuts", "cakes", "cookies", "stamps", "coins", "cards", "books",
	"pens", "pencils", "marbles", "beads", "shells", "stones", "buttons", "flowers", "balls", "stickers", "tickets", "toys",
}

// containers are in the plural and singular.
var containers = [][2]string{
	{"boxes", "box"}, {"bags", "bag"}, {"baskets", "basket"}, {"jars", "jar"}, {"bowls", "bowl"}, {"trays", "tray"},
}
