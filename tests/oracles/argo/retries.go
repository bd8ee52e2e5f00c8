package main

import (
	"encoding/json"
	"io"

	"github.com/argoproj/argo-workflows/v4/util/expr/argoexpr"
	"github.com/argoproj/argo-workflows/v4/util/expr/env"
	"github.com/argoproj/argo-workflows/v4/workflow/common"
)

// last is what a retry's expression sees of the last attempt.
type last struct {
	ExitCode string `json:"exit_code"`
	Status   string `json:"status"`
	Message  string `json:"message"`
}

type decision struct {
	Error   *string `json:"error"`
	Answers []bool  `json:"answers"`
}

// decide evaluates expressions of retries as `processNodeRetries` in workflow/controller/operator.go does.
func decide(in io.Reader, out io.Writer) error {
	var asked struct {
		Expressions []string `json:"expressions"`
		Lasts       []last   `json:"lasts"`
	}
	if err := json.NewDecoder(in).Decode(&asked); err != nil {
		return err
	}
	decisions := make([]decision, len(asked.Expressions))
	for i, expression := range asked.Expressions {
		decisions[i].Answers = make([]bool, len(asked.Lasts))
		for j, one := range asked.Lasts {
			answer, err := argoexpr.EvalBool(expression, env.GetFuncMap(map[string]any{
				common.LocalVarRetries:             "0",
				common.LocalVarRetriesLastExitCode: one.ExitCode,
				common.LocalVarRetriesLastStatus:   one.Status,
				common.LocalVarRetriesLastDuration: "7",
				common.LocalVarRetriesLastMessage:  one.Message,
			}))
			if err != nil {
				decisions[i].Error = said(err)
			}
			decisions[i].Answers[j] = answer
		}
	}
	return json.NewEncoder(out).Encode(decisions)
}
