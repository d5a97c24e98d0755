package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/octorl/octorl/evaluation/benchmark"
)

// listBenchmarks prints the built-in benchmarks.
func listBenchmarks(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "name\tproblems\tshots\tdata\ttitle, license")
	for _, name := range append(benchmark.Names(), benchmark.Generated) {
		s, err := benchmark.Find(name)
		if err != nil {
			return err
		}
		data := "built in"
		if !s.Embedded() {
			data = "--data: " + s.File
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s, %s\n", s.Name, s.Rows, s.Shots, data, s.Title, s.License)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("list benchmarks: %w", err)
	}
	return nil
}
