// Package recipes holds the built-in recipes as they stand beside it: complete,
// commented YAML files to run by name or to copy and change. A name enters, the
// file's bytes leave; internal/config gives them meaning.
package recipes

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed *.yaml
var files embed.FS

// Get returns the YAML of the built-in recipe of a name, such as quickstart. Of
// an unknown name the error lists those that exist.
func Get(name string) ([]byte, error) {
	data, err := files.ReadFile(name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("no built-in recipe %q; there are %s", name, strings.Join(List(), ", "))
	}
	return data, nil
}

// List returns the names of the built-in recipes in alphabetical order.
func List() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(fmt.Sprintf("recipes: read the embedded folder: %v", err))
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ".yaml")
	}
	return names
}
