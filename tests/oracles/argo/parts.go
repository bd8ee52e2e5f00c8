package main

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"

	"github.com/argoproj/argo-workflows/v4/pkg/apis/workflow"
	wfv1 "github.com/argoproj/argo-workflows/v4/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v4/util/template"
	"github.com/argoproj/argo-workflows/v4/workflow/common"
)

// part is what a resource template applies, and what the first tasks of that workflow are passed.
type part struct {
	Applied map[string]any            `json:"applied"`
	Passed  map[string]wfv1.Arguments `json:"passed"`
	Error   *string                   `json:"error"`
}

func (r run) part(ctx context.Context, documents []document) (result part) {
	result.Error = said(guarded(func() error {
		parent, err := r.workflow(documents)
		if err != nil {
			return err
		}
		done, err := r.processed(ctx, parent)
		if err != nil {
			return err
		}
		if done.Resource == nil {
			return fmt.Errorf("template %q applies nothing", r.Template)
		}
		manifest, err := owned(parent, done.Resource)
		if err != nil {
			return err
		}
		if err := yaml.UnmarshalStrict(manifest, &result.Applied); err != nil {
			return err
		}
		result.Passed, err = r.passed(ctx, manifest, documents)
		return err
	}))
	return result
}

// owned is what `executeResource` in workflow/controller/operator.go makes of a manifest.
func owned(parent *wfv1.Workflow, resource *wfv1.ResourceTemplate) ([]byte, error) {
	if !resource.SetOwnerReference {
		return []byte(resource.Manifest), nil
	}
	object := unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(resource.Manifest), &object); err != nil {
		return nil, err
	}
	kind := wfv1.SchemeGroupVersion.WithKind(workflow.WorkflowKind)
	owners := append(object.GetOwnerReferences(), *metav1.NewControllerRef(parent, kind))
	object.SetOwnerReferences(owners)
	return yaml.Marshal(object.Object)
}

// passed does what `setExecWorkflow` (operator.go) and `resolveDependencyReferences` (dag.go) do before the tasks of
// the entry run that depend on nothing.
func (r run) passed(ctx context.Context, manifest []byte, documents []document) (map[string]wfv1.Arguments, error) {
	var child wfv1.Workflow
	if err := yaml.UnmarshalStrict(manifest, &child); err != nil {
		return nil, err
	}
	child.UID = "11111111-1111-1111-1111-111111111111"
	var joined *wfv1.WorkflowSpec
	for _, one := range documents {
		library, ok := one.object.(*wfv1.WorkflowTemplate)
		if ok && child.Spec.WorkflowTemplateRef != nil && library.Name == child.Spec.WorkflowTemplateRef.Name {
			var err error
			if joined, err = merged(&library.Spec, &child.Spec); err != nil {
				return nil, err
			}
		}
	}
	if joined == nil {
		return nil, fmt.Errorf("there is no WorkflowTemplate for %q", child.Name)
	}
	child.Spec = *joined
	globals := run{}.globals(&child)
	spec := child.Spec
	spec.Templates = nil
	text, err := template.Replace(ctx, compact(spec), globals, true)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		return nil, err
	}
	entry := child.GetTemplateByName(spec.Entrypoint)
	done, err := common.ProcessArgs(ctx, entry, &spec.Arguments, globals, common.Parameters{}, false, child.Namespace, nil)
	if err != nil {
		return nil, err
	}
	result := map[string]wfv1.Arguments{}
	for _, task := range done.DAG.Tasks {
		text, err := template.ReplaceStrict(ctx, compact(task), globals, []string{"tasks", "steps"})
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(text), &task); err != nil {
			return nil, err
		}
		result[task.Name] = task.Arguments
	}
	return result, nil
}

// merged puts what is submitted over a WorkflowTemplate (`JoinWorkflowSpec` in workflow/util/merge.go, which cannot be
// called here: it brings drivers of databases along).
func merged(under, over *wfv1.WorkflowSpec) (*wfv1.WorkflowSpec, error) {
	lower, upper := compact(wfv1.Workflow{Spec: *under}), compact(wfv1.Workflow{Spec: *over})
	text, err := strategicpatch.StrategicMergePatch([]byte(lower), []byte(upper), wfv1.Workflow{})
	if err != nil {
		return nil, err
	}
	var result wfv1.Workflow
	return &result.Spec, json.Unmarshal(text, &result)
}
