package main

import (
	"context"
	"encoding/json"
	"io"

	wfv1 "github.com/argoproj/argo-workflows/v4/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v4/util/expr/argoexpr"
	"github.com/argoproj/argo-workflows/v4/util/expr/env"
	"github.com/argoproj/argo-workflows/v4/workflow/common"
)

// retry is what a template says of its attempts, and what Argo knows after one of them has failed.
type retry struct {
	Expression string            `json:"expression"`
	Scope      map[string]string `json:"scope"`
	Patch      string            `json:"patch"`
	Params     map[string]string `json:"params"`
}

// decided is whether the expression holds, as `processNodeRetries` asks it, and the patch of the next attempt, as
// `executeTemplate` fills it in.
type decided struct {
	Again bool    `json:"again"`
	Patch string  `json:"patch"`
	Error *string `json:"error"`
}

func decide(ctx context.Context, in io.Reader, out io.Writer) error {
	var asked []retry
	if err := json.NewDecoder(in).Decode(&asked); err != nil {
		return err
	}
	answers := make([]decided, len(asked))
	for i, one := range asked {
		answers[i] = one.decided(ctx)
	}
	return json.NewEncoder(out).Encode(answers)
}

func (r retry) decided(ctx context.Context) (result decided) {
	result.Error = said(guarded(func() (err error) {
		scope := map[string]any{}
		for name, value := range r.Scope {
			scope[name] = value
		}
		if r.Expression != "" {
			if result.Again, err = argoexpr.EvalBool(r.Expression, env.GetFuncMap(scope)); err != nil {
				return err
			}
		}
		template := &wfv1.Template{Name: "main", PodSpecPatch: r.Patch}
		done, err := common.SubstituteParams(ctx, template, common.Parameters{}, r.Params)
		if err != nil {
			return err
		}
		result.Patch = done.PodSpecPatch
		return nil
	}))
	return result
}
