package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
)

// eachLine calls use with the value of every line of JSON in r, counted from 1,
// until one fails. Blank lines are skipped; lines may be of any length. Errors,
// those of use included, name the line.
func eachLine[T any](r io.Reader, use func(line int, value T) error) error {
	lines := bufio.NewReader(r)
	for n := 1; ; n++ {
		text, err := lines.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read standard input: %w", err)
		}
		if len(bytes.TrimSpace(text)) > 0 {
			if err := useLine(n, text, use); err != nil {
				return fmt.Errorf("standard input, line %d: %w", n, err)
			}
		}
		if err != nil {
			return nil
		}
	}
}

func useLine[T any](n int, text []byte, use func(line int, value T) error) error {
	var value T
	if err := json.Unmarshal(text, &value); err != nil {
		return fmt.Errorf("%w; each line must be one JSON object", plainFault(err))
	}
	return use(n, value)
}

// plainFault says of a value of the wrong type what it is and what is wanted,
// without the names of Go's types. Other errors are returned as they are.
func plainFault(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	wanted := "an object"
	switch wrong.Type.Kind() {
	case reflect.String:
		wanted = "a string"
	case reflect.Slice:
		wanted = "a list"
	case reflect.Int32:
		wanted = "an integer of 32 bits"
	}
	if wrong.Field == "" {
		return fmt.Errorf("%s where %s is wanted", wrong.Value, wanted)
	}
	return fmt.Errorf("%q has %s where %s is wanted", wrong.Field, wrong.Value, wanted)
}
