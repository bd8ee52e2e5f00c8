// A workflow in Go: load a table, train with several rates, check, and publish what is good.
//
//	go run . > nightly.json
//	couler convert nightly.json --to argo
//
// With the name of a file, the program reads a workflow and writes it again.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"couler-example/ir"
)

// text is a constant.
func text(value string) ir.Literal {
	return ir.Literal{Value: value}
}

// given is what a step is given for an input.
func given(name string) ir.Reference {
	return ir.Reference{To: "input", Kind: "parameter", Name: name}
}

// parameter is a parameter of the workflow.
func parameter(name string) ir.Reference {
	return ir.Reference{To: "parameter", Kind: "parameter", Name: name}
}

// output is what another step gives.
func output(step, name string) ir.Reference {
	return ir.Reference{To: "output", Kind: "parameter", Step: step, Name: name}
}

// program is a step's program: a shell command, whose arguments are its inputs.
func program(name, command string, inputs, outputs []string) ir.Operation {
	container := ir.Container{
		Image:    text("alpine:3.20"),
		Command:  []ir.Value{text("sh"), text("-c"), text(command), text(name)},
		Requests: []ir.Pair{{Name: "cpu", Value: text("500m")}, {Name: "memory", Value: text("256Mi")}},
	}
	operation := ir.Operation{Name: name, Kind: "container"}
	for _, input := range inputs {
		container.Args = append(container.Args, given(input))
		operation.Inputs = append(operation.Inputs, ir.Port{Name: input})
	}
	for _, name := range outputs {
		operation.Outputs = append(operation.Outputs, ir.Output{Name: name, Path: text("/tmp/" + name)})
	}
	operation.Containers = []ir.Container{container}
	return operation
}

// list is a list of constants, as a loop takes it.
func list(items ...string) (*ir.Native, error) {
	data, err := json.Marshal(items)
	return &ir.Native{Parts: []ir.Part{ir.Text(data)}}, err
}

func nightly() (ir.Workflow, error) {
	rates, err := list("0.1", "0.3")
	if err != nil {
		return ir.Workflow{}, err
	}
	load := ir.Step{
		Name:      "load",
		Call:      ir.Call{Name: "load"},
		Arguments: []ir.Argument{{Name: "table", Value: parameter("table")}},
		Retry:     &ir.Retry{Limit: ir.Literal{Value: 2}},
	}
	train := ir.Step{
		Name:      "train",
		Call:      ir.Call{Name: "train"},
		Arguments: []ir.Argument{{Name: "data", Value: output("load", "place")}, {Name: "rate", Value: ir.Reference{To: "item"}}},
		Needs:     ir.Need{Step: "load"},
		Loop:      &ir.Loop{Axes: []ir.Axis{{Name: "item", Values: *rates}}},
	}
	check := ir.Step{
		Name:      "check",
		Call:      ir.Call{Name: "check"},
		Arguments: []ir.Argument{{Name: "data", Value: output("load", "place")}},
		Needs:     ir.AllOf{Needs: []ir.Needs{ir.Need{Step: "load"}, ir.Need{Step: "train"}}},
	}
	publish := ir.Step{
		Name:      "publish",
		Call:      ir.Call{Name: "publish"},
		Arguments: []ir.Argument{{Name: "title", Value: ir.Template{Parts: []ir.Part{ir.Text("<nightly> & "), parameter("table")}}}},
		Needs:     ir.Need{Step: "check"},
		Condition: ir.Expression{
			Language: "cel",
			Parts:    []ir.ExpressionPart{output("check", "verdict"), ir.Text(` == "good"`)},
		},
	}
	return ir.Workflow{
		Name:       "nightly",
		Engine:     "couler",
		Kind:       "Workflow",
		Parameters: []ir.Port{{Name: "table", Value: text("usage")}},
		Entry:      &ir.Step{Name: "main", Call: ir.Call{Name: "main"}},
		Graphs:     []ir.Graph{{Name: "main", Steps: []ir.Step{load, train, check, publish}}},
		Operations: []ir.Operation{
			program("load", `echo "/data/$1.csv" > /tmp/place`, []string{"table"}, []string{"place"}),
			program("train", `echo "train on $1 with $2"`, []string{"data", "rate"}, nil),
			program("check", `test -n "$1" && echo good > /tmp/verdict`, []string{"data"}, []string{"verdict"}),
			program("publish", `echo "publish $1"`, []string{"title"}, nil),
		},
	}, nil
}

func workflow() (ir.Workflow, error) {
	if len(os.Args) < 2 {
		return nightly()
	}
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		return ir.Workflow{}, err
	}
	return ir.Unmarshal(data)
}

func main() {
	made, err := workflow()
	if err == nil {
		var data []byte
		if data, err = ir.Marshal(made); err == nil {
			_, err = os.Stdout.Write(data)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
