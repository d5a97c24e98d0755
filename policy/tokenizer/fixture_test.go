package tokenizer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// fixtures returns the folders tokenizer-* of OCTORL_FIXTURES, each with what
// the reference implementation makes of some texts.
func fixtures(t testing.TB) []string {
	root := os.Getenv("OCTORL_FIXTURES")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data", "fixtures")
	}
	folders, err := filepath.Glob(filepath.Join(root, "tokenizer-*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) == 0 {
		t.Skipf("no folder tokenizer-* in %s: set OCTORL_FIXTURES to the folder of fixtures", root)
	}
	return folders
}

type fixtureCase struct {
	Text       string
	IDs        []int32
	IDsSpecial []int32 `json:"ids_special"`
	Decoded    string
}

func fixtureCases(t testing.TB, folder string) []fixtureCase {
	f, err := os.Open(filepath.Join(folder, "cases.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var cases []fixtureCase
	for d := json.NewDecoder(f); d.More(); {
		var c fixtureCase
		if err := d.Decode(&c); err != nil {
			t.Fatalf("%s: case %d: %v", folder, len(cases), err)
		}
		cases = append(cases, c)
	}
	if len(cases) == 0 {
		t.Fatalf("%s: no cases", folder)
	}
	return cases
}

func TestReferenceIDs(t *testing.T) {
	for _, folder := range fixtures(t) {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			loaded, err := Load(folder)
			if err != nil {
				t.Fatal(err)
			}
			saved := t.TempDir()
			if err := loaded.Save(saved); err != nil {
				t.Fatal(err)
			}
			reloaded, err := Load(saved)
			if err != nil {
				t.Fatal(err)
			}
			for i, c := range fixtureCases(t, folder) {
				checkCase(t, loaded, i, c)
				checkCase(t, reloaded, i, c)
			}
		})
	}
}

func checkCase(t *testing.T, tok *Tokenizer, i int, c fixtureCase) {
	t.Helper()
	if got := tok.Encode(c.Text); !slices.Equal(got, c.IDs) {
		t.Errorf("case %d: Encode(%.200q) = %v, want %v", i, c.Text, got, c.IDs)
	}
	if got := tok.EncodeSpecial(c.Text); !slices.Equal(got, c.IDsSpecial) {
		t.Errorf("case %d: EncodeSpecial(%.200q) = %v, want %v", i, c.Text, got, c.IDsSpecial)
	}
	if got := tok.Decode(c.IDs, false); got != c.Decoded {
		t.Errorf("case %d: Decode = %.200q, want %.200q", i, got, c.Decoded)
	}
	stream, got := tok.Stream(false), ""
	for _, id := range c.IDs {
		got += stream.Push(id)
	}
	if got += stream.Flush(); got != c.Decoded {
		t.Errorf("case %d: stream gives %.200q, want %.200q", i, got, c.Decoded)
	}
}
