package architecture

// anything lets a package import all of ours but commands.
const anything = "*"

// device is what tests of packages over kernels.Device run on.
var device = []string{"kernels", "kernels/cpu", "internal/devicetest"}

// packageRules says for every package, by its folder, what of ours it may
// import. tests are further packages for its _test.go files. A package without
// a row is a fault: its place has to be decided first.
var packageRules = map[string]struct{ may, tests []string }{
	"cmd/octorl":            {may: []string{anything}},
	"recipes":               {tests: []string{"internal/config"}},
	"actors":                {may: []string{anything}},
	"actors/message":        {may: []string{"policy", "rollout/trajectory", "reward"}},
	"actors/bus":            {tests: []string{"actors/bus/bustest"}},
	"actors/bus/bustest":    {may: []string{"actors/bus"}},
	"evaluation":            {may: []string{"reward", "rollout/trajectory"}},
	"evaluation/benchmark":  {may: []string{"corpus", "reward", "rollout/trajectory"}},
	"evaluation/exam":       {may: []string{"corpus", "evaluation", "evaluation/benchmark", "reward", "rollout/trajectory"}},
	"evaluation/candidate":  {may: []string{"evaluation", "evaluation/exam", "policy", "policy/tokenizer", "rollout", "rollout/trajectory"}, tests: device},
	"learner":               {may: []string{"kernels", "policy", "rollout/trajectory", "corpus"}, tests: device},
	"reward":                {may: []string{"rollout/trajectory"}},
	"rollout":               {may: []string{"kernels", "policy", "rollout/trajectory"}, tests: device},
	"rollout/trajectory":    {may: []string{"policy"}},
	"corpus":                {},
	"policy":                {may: []string{"kernels"}, tests: device},
	"policy/tokenizer":      {},
	"policy/chat":           {may: []string{"internal/jinja"}},
	"kernels":               {tests: device},
	"kernels/cpu":           {may: []string{"kernels"}, tests: []string{"kernels/kerneltest"}},
	"kernels/cuda":          {may: []string{"kernels"}, tests: []string{"kernels/kerneltest", "kernels/cpu"}},
	"kernels/kerneltest":    {may: []string{"kernels"}},
	"internal/config":       {},
	"internal/devicetest":   {may: []string{"kernels", "kernels/cpu", "kernels/cuda"}},
	"internal/jinja":        {},
	"internal/progress":     {},
	"internal/tensorboard":  {},
	"internal/architecture": {},
}

// modulePlaces says for every third-party module, by the start of its import
// path, the packages that may use it; a place ending in / holds for all below
// it. A module without a row is a fault.
var modulePlaces = []struct {
	module string
	places []string
	tag    string // build tag that a file with this import must require
}{
	{module: "github.com/asynkron/protoactor-go/", places: []string{"actors"}},
	{module: "github.com/nats-io/", places: []string{"actors/bus", "actors/bus/"}},
	{module: "github.com/vmihailenco/msgpack/", places: []string{"actors/message"}},
	{module: "github.com/rs/zerolog", places: []string{"actors", "cmd/"}},
	{module: "github.com/alecthomas/kong", places: []string{"cmd/"}},
	{module: "github.com/goccy/go-yaml", places: []string{"internal/config", "evaluation/benchmark"}},
	{module: "gorgonia.org/cu", places: []string{"kernels", "kernels/"}, tag: "cuda"},
	{module: "golang.org/x/", places: []string{"actors", "cmd/", "corpus", "policy", "policy/tokenizer", "reward", "kernels/", "internal/progress", "internal/jinja"}},
}

// Limits of length, in lines.
const (
	maxFileLines     = 500
	maxFunctionLines = 80
)
