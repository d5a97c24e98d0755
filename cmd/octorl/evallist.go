package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/octorl/octorl/evaluation/benchmark"
)

// listBenchmarks prints the built-in benchmarks in 80 columns, then where those are
// published that the binary does not carry.
func listBenchmarks(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "name\tproblems\tshots\tdata\ttitle")
	var elsewhere []*benchmark.Spec
	for _, name := range append(benchmark.Names(), benchmark.Generated) {
		s, err := benchmark.Find(name)
		if err != nil {
			return err
		}
		data := "built in"
		if !s.Embedded() {
			data = "--data"
			elsewhere = append(elsewhere, s)
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\n", s.Name, s.Rows, s.Shots, data, s.Title)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("list benchmarks: %w", err)
	}
	fmt.Fprintln(w, "\nNot in the binary: the file in --data, where it is published, its license:")
	for _, s := range elsewhere {
		if _, err := fmt.Fprintf(w, "  %s: %s\n    %s\n", s.File, s.Source, s.License); err != nil {
			return fmt.Errorf("list benchmarks: %w", err)
		}
	}
	return nil
}
