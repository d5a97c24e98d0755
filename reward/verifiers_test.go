package reward

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/octorl/octorl/rollout/trajectory"
)

func TestNamedVerifiers(t *testing.T) {
	cases := []struct {
		mode, reference, completion string
		want                        Verdict
	}{
		{"strict", "1/2", `\boxed{0.5}`, Right},
		{"octothinker", "1/2", `\boxed{0.5}`, Right},
		{"exact", "0.5", " 0.5\n", Right},
		{"exact", "1/2", "0.5", Wrong},
		{"exact", "1/2", "  ", Unparsable},
		{"exact", " ", "0.5", Failed},
		{"numeric", "6", "3 apples and 3 pears are 6", Right},
		{"numeric", "6", "none", Unparsable},
		{"choice", "B", "The answer is (B).", Right},
		{"choice", "B", "The answer is (C).", Wrong},
		{"countdown", "24 from 3 8 8 3", `\boxed{8/(3-8/3)}`, Right},
		{"countdown", "24 from 3 8 8 3", `\boxed{\frac{8}{3-\frac{8}{3}} = 24}`, Right},
		{"countdown", "24 from 3 8 8 3", `\boxed{3\times 8}`, Wrong},         // not all numbers
		{"countdown", "24 from 3 8 8 3", `\boxed{3\times 8+8-3-3-2}`, Wrong}, // numbers not given
		{"countdown", "24 from 3 8 8 3", `\boxed{3+8+8+3}`, Wrong},           // 22
		{"countdown", "24 from 3 8 8 3", `\boxed{3+8+8+3=24}`, Wrong},
		{"countdown", "24 from 3 8 8 3", `\boxed{24}`, Wrong},
		{"countdown", "3 from 3 8", `\boxed{3^8}`, Unparsable},
		{"countdown", "6 from 10 4", `\boxed{10-4}`, Right},
		{"countdown", "24", `\boxed{24}`, Failed},
	}
	for _, c := range cases {
		v, err := Named(c.mode)
		if err != nil {
			t.Fatal(err)
		}
		got := v.Verify(context.Background(), trajectory.Problem{Answer: c.reference}, c.completion)
		if got.Verdict != c.want {
			t.Errorf("%s: %q against %q is %v (%s), want %v", c.mode, c.completion, c.reference, got.Verdict, got.Reason, c.want)
		}
	}
	if _, err := Named("kind"); err == nil {
		t.Error("no error for an unknown mode")
	}
}

// TestMain lets the test binary be the program of TestProgramVerifier.
func TestMain(m *testing.M) {
	switch os.Getenv("REWARD_TEST_PROGRAM") {
	case "":
		os.Exit(m.Run())
	case "judge":
		line, _ := bufio.NewReader(os.Stdin).ReadBytes('\n')
		fmt.Println(judgeBySuffix(line))
	case "nonsense":
		fmt.Println("no JSON")
	case "crash":
		os.Exit(3)
	case "parent":
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "REWARD_TEST_PROGRAM=child")
		if err := child.Run(); err != nil {
			os.Exit(3)
		}
	case "child":
		pipe, err := os.OpenFile(os.Getenv("REWARD_TEST_PIPE"), os.O_WRONLY, 0)
		if err != nil {
			os.Exit(3)
		}
		pipe.WriteString("alive\n")
		time.Sleep(time.Hour) // until killed; the pipe ends with this process
	}
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
	v := ProgramVerifier{Path: os.Args[0]}
	p := trajectory.Problem{ID: "1", Answer: "42"}
	for program, want := range map[string]Verdict{"judge": Right, "nonsense": Failed, "crash": Failed} {
		t.Setenv("REWARD_TEST_PROGRAM", program)
		if got := v.Verify(context.Background(), p, "it is 42"); got.Verdict != want {
			t.Errorf("%s: %+v, want %v", program, got, want)
		}
	}
	t.Setenv("REWARD_TEST_PROGRAM", "judge")
	if got := v.Verify(context.Background(), p, "it is 43"); got.Verdict != Wrong || got.Reason != "ends otherwise" {
		t.Errorf("wrong answer: %+v", got)
	}
	if got := (ProgramVerifier{Path: "/no/such/program"}).Verify(context.Background(), p, "42"); got.Verdict != Failed {
		t.Errorf("missing program: %+v", got)
	}
}

func TestRemoteVerifier(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/broken" {
			http.Error(w, "out of order", http.StatusInternalServerError)
			return
		}
		line, _ := bufio.NewReader(r.Body).ReadBytes('\n')
		fmt.Fprintln(w, judgeBySuffix(line))
	}))
	defer server.Close()
	p := trajectory.Problem{Answer: "42"}
	for path, want := range map[string]Verdict{"/": Right, "/broken": Failed} {
		if got := (RemoteVerifier{URL: server.URL + path}).Verify(context.Background(), p, "42"); got.Verdict != want {
			t.Errorf("%s: %+v, want %v", path, got, want)
		}
	}
	if got := (RemoteVerifier{URL: server.URL}).Verify(context.Background(), p, "43"); got.Verdict != Wrong {
		t.Errorf("wrong answer: %+v", got)
	}
}
