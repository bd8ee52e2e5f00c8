package main

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	wfv1 "github.com/argoproj/argo-workflows/v4/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v4/workflow/common"
	"github.com/argoproj/argo-workflows/v4/workflow/templateresolution"
	"github.com/argoproj/argo-workflows/v4/workflow/validate"
)

// defaultNamespace is where a document is that names none, both as a thing linted and as a thing referred to.
const defaultNamespace = "default"

// document is one document as the linter reads it; object is nil where it cannot be decoded at all.
type document struct {
	kind   string
	object metav1.Object
	err    error
}

type verdict struct {
	Kind       string  `json:"kind"`
	Skipped    bool    `json:"skipped"`
	ParseError *string `json:"parse_error"`
	Error      *string `json:"error"`
}

func parse(ctx context.Context, text json.RawMessage) (result document) {
	var head struct {
		Kind string `json:"kind"`
	}
	// A document that is no object, or whose kind is no text, is for Argo's own parser to complain about.
	_ = json.Unmarshal(text, &head)
	result.kind = head.Kind
	result.err = guarded(func() error {
		found := common.ParseObjects(ctx, text, true)
		if len(found) != 1 {
			return fmt.Errorf("%d objects in one document", len(found))
		}
		if err := found[0].Err; err != nil && !runtime.IsStrictDecodingError(err) {
			return err
		}
		result.object = found[0].Object
		return found[0].Err
	})
	if result.object != nil && result.object.GetNamespace() == "" {
		if _, cluster := result.object.(*wfv1.ClusterWorkflowTemplate); !cluster {
			result.object.SetNamespace(defaultNamespace)
		}
	}
	return result
}

// verdict is what `argo lint --offline` says. Where only strictness is hurt, it says in `error` what it would say
// without that.
func (d document) verdict(ctx context.Context, shelf shelf, opts options) verdict {
	result := verdict{Kind: d.kind, ParseError: said(d.err)}
	with := validate.ValidateOpts{Lint: opts.Lint, Submit: opts.Submit}
	if d.object == nil {
		return result
	}
	templates := shelf.namespaces[d.object.GetNamespace()]
	result.Error = said(guarded(func() error {
		switch found := d.object.(type) {
		case *wfv1.Workflow:
			return validate.ValidateWorkflow(ctx, templates, shelf.cluster, found.DeepCopy(), nil, with)
		case *wfv1.WorkflowTemplate:
			return validate.ValidateWorkflowTemplate(ctx, templates, shelf.cluster, found.DeepCopy(), nil, with)
		case *wfv1.ClusterWorkflowTemplate:
			return validate.ValidateClusterWorkflowTemplate(ctx, nil, shelf.cluster, found.DeepCopy(), nil, with)
		case *wfv1.CronWorkflow:
			return validate.ValidateCronWorkflow(ctx, templates, shelf.cluster, found.DeepCopy(), nil)
		default:
			result.Skipped = true
			return nil
		}
	}))
	if result.Skipped {
		result.ParseError = nil
	}
	return result
}

func said(err error) *string {
	if err == nil {
		return nil
	}
	text := err.Error()
	return &text
}

// shelf holds what the documents of a call can refer to.
type shelf struct {
	namespaces map[string]namespace
	cluster    clusterTemplates
}

type namespace map[string]*wfv1.WorkflowTemplate

type clusterTemplates map[string]*wfv1.ClusterWorkflowTemplate

var (
	_ templateresolution.WorkflowTemplateNamespacedGetter = namespace{}
	_ templateresolution.ClusterWorkflowTemplateGetter    = clusterTemplates{}
)

func (n namespace) Get(_ context.Context, name string) (*wfv1.WorkflowTemplate, error) {
	if found, there := n[name]; there {
		return found, nil
	}
	return nil, fmt.Errorf("workflow template %q not found", name)
}

func (c clusterTemplates) Get(_ context.Context, name string) (*wfv1.ClusterWorkflowTemplate, error) {
	if found, there := c[name]; there {
		return found, nil
	}
	return nil, fmt.Errorf("cluster workflow template %q not found", name)
}

// shelve says, for the number of a document, which name it has in common with one before it; Argo's linter stops there.
func shelve(documents []document) (shelf, map[int]string) {
	result := shelf{namespaces: map[string]namespace{}, cluster: clusterTemplates{}}
	duplicates := map[int]string{}
	for i, one := range documents {
		switch found := one.object.(type) {
		case *wfv1.WorkflowTemplate:
			space := result.namespaces[found.Namespace]
			if space == nil {
				space = namespace{}
				result.namespaces[found.Namespace] = space
			}
			if _, there := space[found.Name]; there {
				duplicates[i] = fmt.Sprintf("duplicate WorkflowTemplate %q", found.Name)
				continue
			}
			space[found.Name] = found
		case *wfv1.ClusterWorkflowTemplate:
			if _, there := result.cluster[found.Name]; there {
				duplicates[i] = fmt.Sprintf("duplicate ClusterWorkflowTemplate %q", found.Name)
				continue
			}
			result.cluster[found.Name] = found
		}
	}
	return result, duplicates
}
