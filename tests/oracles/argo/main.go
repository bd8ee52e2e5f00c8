// Argo's own word on Argo documents: what its `lint` says of them, and what its controller makes of cache
// keys, and of the manifests of resource templates.
//
//	oracle judge        reads {"cases": [...]} on standard input, writes one answer a case
//	oracle decide       reads {"expressions": [...], "lasts": [...]}, and evaluates each expression of each last attempt
//	oracle cases DIR    writes the cases that the tests of the Go package in DIR hold
//
// See argo_oracle.py for what is in requests and answers.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/argoproj/argo-workflows/v4/util/logging"
)

type request struct {
	Cases []call `json:"cases"`
}

// call is one call of the linter: its documents see each other.
type call struct {
	Documents []json.RawMessage `json:"documents"`
	Options   options           `json:"options"`
	Runs      []run             `json:"runs"`
	Applies   []run             `json:"applies"`
}

type options struct {
	Lint   bool `json:"lint"`
	Submit bool `json:"submit"`
}

type answer struct {
	Documents []verdict `json:"documents"`
	Keys      []key     `json:"keys"`
	Parts     []part    `json:"parts"`
}

func main() {
	if err := work(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func work(arguments []string) error {
	switch {
	case len(arguments) == 1 && arguments[0] == "judge":
		return judge(os.Stdin, os.Stdout)
	case len(arguments) == 1 && arguments[0] == "decide":
		return decide(os.Stdin, os.Stdout)
	case len(arguments) == 2 && arguments[0] == "cases":
		found, err := extract(arguments[1])
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(found)
	default:
		return fmt.Errorf("usage: oracle judge | oracle decide | oracle cases DIR")
	}
}

func judge(in io.Reader, out io.Writer) error {
	var asked request
	if err := json.NewDecoder(in).Decode(&asked); err != nil {
		return err
	}
	// Argo logs whatever it leaves unresolved; nobody reads that here.
	ctx := logging.WithLogger(context.Background(), logging.NewTestLogger(logging.Error, logging.Text))
	answers := make([]answer, len(asked.Cases))
	for i, one := range asked.Cases {
		answers[i] = one.answer(ctx)
	}
	return json.NewEncoder(out).Encode(answers)
}

func (c call) answer(ctx context.Context) answer {
	documents := make([]document, len(c.Documents))
	for i, text := range c.Documents {
		documents[i] = parse(ctx, text)
	}
	shelf, duplicates := shelve(documents)
	result := answer{Documents: make([]verdict, len(documents)), Keys: make([]key, len(c.Runs))}
	result.Parts = make([]part, len(c.Applies))
	for i, one := range documents {
		result.Documents[i] = one.verdict(ctx, shelf, c.Options)
		if text, there := duplicates[i]; there {
			result.Documents[i].Error = &text
		}
	}
	for i, one := range c.Runs {
		result.Keys[i] = one.key(ctx, documents)
	}
	for i, one := range c.Applies {
		result.Parts[i] = one.part(ctx, documents)
	}
	return result
}

// guarded runs what may panic inside Argo, and makes an error of that.
func guarded(what func() error) (err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("panic: %v", problem)
		}
	}()
	return what()
}
