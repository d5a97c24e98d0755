package corpus

import (
	"fmt"
	"slices"
)

// blend is the share of one published corpus and the source that stands in for it.
type blend struct {
	corpus string
	source string
	share  float64
}

// decayCommon is what the three decay branches share: everything but questions
// and answers.
var decayCommon = []blend{
	{"MegaMath-Web-Pro", string(Prose), 0.45},
	{"MegaMath-Web-Pro", "openstax-prealgebra", 0.05},
	{"MegaMath-Web-Pro", "openstax-algebra", 0.05},
	{"instruction mix", string(Dialogue), 0.10},
	{"DCLM-Baseline", "orcca", 0.05},
}

// presets are the published mixtures (arXiv:2506.20512, tables 2 and 4). Web
// pages become generated prose and textbooks, general text another textbook,
// code and text between code more prose (there is no code here), and questions
// with long or short reasoning those of the generator.
var presets = map[string][]blend{
	"stable": {
		{"MegaMath-Web-Pro-Max", string(Prose), 0.525},
		{"MegaMath-Web-Pro-Max", "openstax-prealgebra", 0.10},
		{"MegaMath-Web-Pro-Max", "openstax-algebra", 0.10},
		{"DCLM-Baseline", "orcca", 0.10},
		{"MegaMath text-code-block", string(Prose), 0.10},
		{"MegaMath-QA", string(ShortReasoning), 0.05},
		{"MegaMath-Code", string(Prose), 0.0125},
		{"MegaMath translated code", string(Prose), 0.0125},
	},
	"long": append(slices.Clone(decayCommon),
		blend{"OpenR1-Math-220K", string(LongReasoning), 0.15},
		blend{"AM-DeepSeek-R1-Distilled", string(LongReasoning), 0.15},
	),
	"short": append(slices.Clone(decayCommon),
		blend{"OpenMathInstruct2", string(ShortReasoning), 0.175},
		blend{"NuminaMath-1.5", string(ShortReasoning), 0.10},
		blend{"MegaMath-QA", string(ShortReasoning), 0.025},
	),
	"hybrid": append(slices.Clone(decayCommon),
		blend{"OpenR1-Math-220K", string(LongReasoning), 0.10},
		blend{"OpenMathInstruct2", string(ShortReasoning), 0.10},
		blend{"NuminaMath-1.5", string(ShortReasoning), 0.10},
	),
}

// Preset returns the weights, of sum 1, of a published mixture over sources that
// OpenSource knows: "stable" is that of the stage at constant learning rate;
// "long", "short" and "hybrid" are the branches that decay from it
// (arXiv:2506.20512, tables 2 and 4). It returns an error that lists the presets
// when name is none of them.
func Preset(name string) ([]Weight, error) {
	blends, ok := presets[name]
	if !ok {
		return nil, fmt.Errorf("unknown mixture preset %q; choose stable, long, short or hybrid", name)
	}
	var weights []Weight
	for _, b := range blends {
		i := slices.IndexFunc(weights, func(w Weight) bool { return w.Source == b.source })
		if i < 0 {
			i = len(weights)
			weights = append(weights, Weight{Source: b.source})
		}
		weights[i].Share += b.share
	}
	return weights, nil
}
