package reward

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octorl/octorl/rollout/trajectory"
)

// TestMain lets the test binary be the programs of the tests below.
func TestMain(m *testing.M) {
	name := os.Getenv("REWARD_TEST_PROGRAM")
	if name == "" {
		os.Exit(m.Run())
	}
	programs[name]()
}

// programs are a good one and the ways in which others are broken.
var programs = map[string]func(){
	"judge": func() {
		line, _ := bufio.NewReader(os.Stdin).ReadBytes('\n')
		fmt.Println(judgeBySuffix(line))
	},
	"deaf":     func() { fmt.Println(`{"verdict":"right"}`) }, // does not read its input
	"nonsense": func() { fmt.Println("no JSON") },
	"binary":   func() { os.Stdout.Write([]byte{0xff, 0, 1, 2}) },
	"silent":   func() {},
	"unsure":   func() { fmt.Println(`{"verdict":"maybe"}`) },
	"failing":  func() { fmt.Println(`{"verdict":"failed","reason":"no model"}`) },
	"crash":    func() { os.Exit(3) },
	"complain": func() {
		fmt.Fprint(os.Stderr, "no such module")
		os.Exit(1)
	},
	"flood": func() {
		for block := bytes.Repeat([]byte("right "), 1<<16); ; {
			if _, err := os.Stdout.Write(block); err != nil {
				return
			}
		}
	},
	"parent": func() {
		if err := another("child").Run(); err != nil {
			os.Exit(3)
		}
	},
	"leaver": func() { // answers and leaves a child behind that holds its output open
		pipe := tellAlive()
		child := another("sleeper")
		child.Stdout, child.ExtraFiles = os.Stdout, []*os.File{pipe}
		if err := child.Start(); err != nil {
			os.Exit(3)
		}
		fmt.Println(`{"verdict":"right"}`)
	},
	"child": func() {
		tellAlive()
		time.Sleep(time.Hour) // until killed; the pipe ends with this process
	},
	"sleeper": func() { time.Sleep(time.Hour) },
	"keeper": func() { // is asked again and tells how often it was
		serve(func(n int, r externalRequest) string {
			if r.Completion == "die" {
				os.Exit(4)
			}
			return fmt.Sprintf(`{"id":%d,"verdict":"wrong","extracted":"%d"}`, r.ID, n)
		})
	},
	"once": func() { // repeats the id and ends all the same
		line, _ := bufio.NewReader(os.Stdin).ReadBytes('\n')
		var r externalRequest
		_ = json.Unmarshal(line, &r)
		fmt.Printf(`{"id":%d,"verdict":"right"}`+"\n", r.ID)
	},
	"stutter": func() { // answers twice
		serve(func(n int, r externalRequest) string {
			answer := fmt.Sprintf(`{"id":%d,"verdict":"right"}`, r.ID)
			return answer + "\n" + answer
		})
	},
	"waiter": func() { // is kept, with a child
		pipe := tellAlive() // before it answers, for then it may be killed
		child := another("sleeper")
		child.ExtraFiles = []*os.File{pipe}
		if err := child.Start(); err != nil {
			os.Exit(3)
		}
		serve(func(n int, r externalRequest) string { return fmt.Sprintf(`{"id":%d,"verdict":"right"}`, r.ID) })
	},
}

// serve answers one line after the other, with the number of the line.
func serve(answer func(n int, r externalRequest) string) {
	lines := bufio.NewReader(os.Stdin)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var r externalRequest
		if err := json.Unmarshal(line, &r); err != nil {
			os.Exit(3)
		}
		fmt.Println(answer(n, r))
	}
}

// another returns another of the programs, to be started by one.
func another(name string) *exec.Cmd {
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "REWARD_TEST_PROGRAM="+name)
	return command
}

// tellAlive writes to the pipe that the test reads.
func tellAlive() *os.File {
	pipe, err := os.OpenFile(os.Getenv("REWARD_TEST_PIPE"), os.O_WRONLY, 0)
	if err != nil {
		os.Exit(3)
	}
	pipe.WriteString("alive\n")
	return pipe
}

// judgeBySuffix says right when the completion ends in the reference answer.
func judgeBySuffix(line []byte) string {
	var request externalRequest
	if err := json.Unmarshal(line, &request); err != nil {
		return `{"verdict":"failed","reason":"` + err.Error() + `"}`
	}
	if strings.HasSuffix(request.Completion, request.Answer) {
		return `{"verdict":"right","extracted":"` + request.Answer + `"}`
	}
	return `{"verdict":"wrong","reason":"ends otherwise"}`
}

func TestProgramVerifier(t *testing.T) {
	v := NewProgramVerifier(os.Args[0])
	defer v.Close()
	p := trajectory.Problem{ID: "1", Answer: "42"}
	for program, want := range map[string]struct {
		verdict Verdict
		reason  string // part of it
	}{
		"judge": {Right, ""}, "deaf": {Right, ""},
		"nonsense": {Failed, "no JSON"}, "binary": {Failed, "reply"}, "silent": {Failed, "EOF"}, "unsure": {Failed, "maybe"},
		"failing": {Failed, "no model"}, "crash": {Failed, "exit status 3"}, "complain": {Failed, "no such module"}, "flood": {Failed, "too long"},
	} {
		t.Setenv("REWARD_TEST_PROGRAM", program)
		got := v.Verify(context.Background(), p, "it is 42")
		if got.Verdict != want.verdict || !strings.Contains(got.Reason, want.reason) {
			t.Errorf("%s: %+v, want %v, %q", program, got, want.verdict, want.reason)
		}
	}
	t.Setenv("REWARD_TEST_PROGRAM", "judge")
	if got := v.Verify(context.Background(), p, "it is 43"); got.Verdict != Wrong || got.Reason != "ends otherwise" {
		t.Errorf("wrong answer: %+v", got)
	}
	if got := NewProgramVerifier("/no/such/program").Verify(context.Background(), p, "42"); got.Verdict != Failed {
		t.Errorf("missing program: %+v", got)
	}
}

// TestProgramIsKept asks one program several times, and a new one after a failure.
func TestProgramIsKept(t *testing.T) {
	t.Setenv("REWARD_TEST_PROGRAM", "keeper")
	v := NewProgramVerifier(os.Args[0])
	defer v.Close()
	for i, step := range []struct {
		completion string
		verdict    Verdict
		extracted  string
	}{{"a", Wrong, "1"}, {"b", Wrong, "2"}, {"c", Wrong, "3"}, {"die", Failed, ""}, {"d", Wrong, "1"}, {"e", Wrong, "2"}} {
		got := v.Verify(context.Background(), trajectory.Problem{Answer: "42"}, step.completion)
		if got.Verdict != step.verdict || got.Extracted != step.extracted {
			t.Errorf("request %d: %+v, want %v, %q", i+1, got, step.verdict, step.extracted)
		}
	}
}

// TestProgramThatEndsIsStartedAgain takes the end of a program after its answer
// for no failure.
func TestProgramThatEndsIsStartedAgain(t *testing.T) {
	for _, program := range []string{"once", "judge", "deaf"} {
		t.Setenv("REWARD_TEST_PROGRAM", program)
		v := NewProgramVerifier(os.Args[0])
		for i := range 3 {
			completion := strings.Repeat("x", i<<17) + "42" // more than a pipe holds
			if got := v.Verify(context.Background(), trajectory.Problem{Answer: "42"}, completion); got.Verdict != Right {
				t.Errorf("%s, request %d: %+v", program, i+1, got)
			}
		}
		v.Close()
	}
}

// TestAnswerToAnotherRequestFails has a program answer twice: its second line is
// no answer to the next completion.
func TestAnswerToAnotherRequestFails(t *testing.T) {
	t.Setenv("REWARD_TEST_PROGRAM", "stutter")
	v := NewProgramVerifier(os.Args[0])
	defer v.Close()
	for i, want := range []Verdict{Right, Failed, Right, Failed} {
		if got := v.Verify(context.Background(), trajectory.Problem{Answer: "42"}, "42"); got.Verdict != want {
			t.Errorf("request %d: %+v, want %v", i+1, got, want)
		}
	}
}

func TestRemoteVerifier(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"/": func(w http.ResponseWriter, r *http.Request) {
			line, _ := bufio.NewReader(r.Body).ReadBytes('\n')
			fmt.Fprintln(w, judgeBySuffix(line))
		},
		"/broken": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "out of order", http.StatusInternalServerError)
		},
		"/page":   func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>it works</html>") },
		"/empty":  func(http.ResponseWriter, *http.Request) {},
		"/unsure": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"verdict":"maybe"}`) },
		"/flood":  func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.Repeat([]byte(" "), maxReply+1)) },
		"/cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `{"verdict":"right"`)
		},
		"/circle": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/circle", http.StatusTemporaryRedirect)
		},
	}
	mux := http.NewServeMux()
	for path, handler := range answers {
		mux.HandleFunc(path, handler)
	}
	server := httptest.NewServer(mux)
	defer server.Close()
	p := trajectory.Problem{Answer: "42"}
	for path := range answers {
		want := Failed
		if path == "/" {
			want = Right
		}
		if got := (RemoteVerifier{URL: server.URL + path}).Verify(context.Background(), p, "42"); got.Verdict != want {
			t.Errorf("%s: %+v, want %v", path, got, want)
		}
	}
	if got := (RemoteVerifier{URL: server.URL}).Verify(context.Background(), p, "43"); got.Verdict != Wrong {
		t.Errorf("wrong answer: %+v", got)
	}
	server.Close()
	if got := (RemoteVerifier{URL: server.URL}).Verify(context.Background(), p, "42"); got.Verdict != Failed {
		t.Errorf("no server: %+v", got)
	}
}

// TestStalledEndpointIsLeft ends the time of a request once the endpoint has it.
func TestStalledEndpointIsLeft(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		bufio.NewReader(r.Body).ReadBytes('\n')
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	got := RemoteVerifier{URL: server.URL}.Verify(ctx, trajectory.Problem{Answer: "42"}, "42")
	if got.Verdict != Failed || !strings.Contains(got.Reason, "canceled") {
		t.Errorf("stalled endpoint: %+v", got)
	}
}

// TestVerifyAllKeepsOrder judges more completions than are judged at a time.
func TestVerifyAllKeepsOrder(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		line, _ := bufio.NewReader(r.Body).ReadBytes('\n')
		fmt.Fprintln(w, judgeBySuffix(line))
	}))
	defer server.Close()
	var completions []string
	var want []Verdict
	for i := range 3 * maxOutside {
		completions = append(completions, fmt.Sprintf(`\boxed{%d}`, i%5))
		want = append(want, map[bool]Verdict{true: Right, false: Wrong}[i%5 == 3])
	}
	for _, s := range []Settings{{Mode: "endpoint", URL: server.URL}, {}} {
		v, err := s.Open()
		if err != nil {
			t.Fatal(err)
		}
		var got []Verdict
		reference := "3"
		if s.Outside() {
			reference = "3}" // compared by suffix
		}
		for _, r := range s.VerifyAll(context.Background(), v, trajectory.Problem{Answer: reference}, completions) {
			got = append(got, r.Verdict)
		}
		if !slices.Equal(got, want) {
			t.Errorf("mode %q: %v, want %v", s.Mode, got, want)
		}
	}
}

func TestSettings(t *testing.T) {
	for _, s := range []Settings{
		{}, {Mode: "strict", Extract: "auto"}, {Extract: "choice"}, {Mode: "octothinker"}, {Mode: "exact"}, {Mode: "numeric"}, {Mode: "choice"},
		{Mode: "countdown"}, {Mode: "program", Program: []string{os.Args[0], "-x"}}, {Mode: "endpoint", URL: "https://localhost:1/v"},
	} {
		if v, err := s.Open(); err != nil || v == nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
	for _, c := range []struct {
		settings Settings
		want     string // part of the error
	}{
		{Settings{Mode: "kind"}, `mode "kind"`},
		{Settings{Extract: "somewhere"}, `extraction "somewhere"`},
		{Settings{Mode: "exact", Extract: "boxed"}, "extract is for mode strict"},
		{Settings{Mode: "program"}, "name it"},
		{Settings{Mode: "program", Program: []string{"/no/such/program"}}, "/no/such/program"},
		{Settings{Program: []string{"judge"}}, "program is for mode program"},
		{Settings{Mode: "endpoint"}, "http://"},
		{Settings{Mode: "endpoint", URL: "ftp://x"}, "http://"},
		{Settings{Mode: "endpoint", URL: "http://x", Program: []string{"judge"}}, "program is for mode program"},
	} {
		if _, err := c.settings.Open(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want one with %q", c.settings, err, c.want)
		}
	}
}
