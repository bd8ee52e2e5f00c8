package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/kubernetes"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	wfv1 "github.com/argoproj/argo-workflows/v4/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v4/util/template"
	"github.com/argoproj/argo-workflows/v4/workflow/common"
	"github.com/argoproj/argo-workflows/v4/workflow/controller/cache"
)

// run is one node that the controller is about to run, of a template of the document with that number.
type run struct {
	Document           int               `json:"document"`
	Template           string            `json:"template"`
	Arguments          map[string]string `json:"arguments"`
	Artifacts          []string          `json:"artifacts"`
	WorkflowParameters map[string]string `json:"workflow_parameters"`
	Globals            map[string]string `json:"globals"`
	Locals             map[string]string `json:"locals"`
}

type key struct {
	Key       *string `json:"key"`
	ConfigMap string  `json:"config_map"`
	Accepted  bool    `json:"accepted"`
	Storable  bool    `json:"storable"`
	Refusal   *string `json:"refusal"`
	Error     *string `json:"error"`
}

// key does what the controller does between choosing a template and looking into the cache: `executeTemplate` in
// workflow/controller/operator.go, and what `operate` has prepared for it.
func (r run) key(ctx context.Context, documents []document) (result key) {
	result.Error = said(guarded(func() error {
		workflow, err := r.workflow(documents)
		if err != nil {
			return err
		}
		done, err := r.processed(ctx, workflow)
		if err != nil {
			return err
		}
		if done.Memoize == nil {
			return fmt.Errorf("template %q has no memoize", r.Template)
		}
		result.Key = &done.Memoize.Key
		if done.Memoize.Cache != nil && done.Memoize.Cache.ConfigMap != nil {
			result.ConfigMap = done.Memoize.Cache.ConfigMap.Name
		}
		refusal := checked(ctx, done.Memoize.Key)
		result.Refusal = said(refusal)
		result.Accepted = refusal == nil
		result.Storable = refusal == nil && len(validation.IsConfigMapKey(done.Memoize.Key)) == 0
		return nil
	}))
	return result
}

// processed is the template with all in place that is passed to it.
func (r run) processed(ctx context.Context, workflow *wfv1.Workflow) (*wfv1.Template, error) {
	chosen := workflow.GetTemplateByName(r.Template)
	if chosen == nil {
		return nil, fmt.Errorf("there is no template %q", r.Template)
	}
	globals := r.globals(workflow)
	defaults, err := substitutedDefaults(ctx, workflow, globals)
	if err != nil {
		return nil, err
	}
	chosen = chosen.DeepCopy()
	if err := mergeDefaults(defaults, chosen); err != nil {
		return nil, err
	}
	arguments := r.arguments()
	return common.ProcessArgs(ctx, chosen, &arguments, globals, r.locals(chosen), false, workflow.Namespace, nil)
}

// workflow is the one that a document is, or becomes when it is submitted.
func (r run) workflow(documents []document) (*wfv1.Workflow, error) {
	if r.Document < 0 || r.Document >= len(documents) || documents[r.Document].object == nil {
		return nil, fmt.Errorf("there is no document %d that can be read", r.Document)
	}
	var result *wfv1.Workflow
	switch found := documents[r.Document].object.(type) {
	case *wfv1.Workflow:
		result = found.DeepCopy()
	case *wfv1.WorkflowTemplate:
		result = &wfv1.Workflow{ObjectMeta: *found.ObjectMeta.DeepCopy(), Spec: *found.Spec.DeepCopy()}
	case *wfv1.ClusterWorkflowTemplate:
		result = &wfv1.Workflow{ObjectMeta: *found.ObjectMeta.DeepCopy(), Spec: *found.Spec.DeepCopy()}
	case *wfv1.CronWorkflow:
		result = &wfv1.Workflow{ObjectMeta: *found.ObjectMeta.DeepCopy(), Spec: *found.Spec.WorkflowSpec.DeepCopy()}
	default:
		return nil, fmt.Errorf("document %d holds no templates", r.Document)
	}
	given := map[string]bool{}
	for i, parameter := range result.Spec.Arguments.Parameters {
		if value, there := r.WorkflowParameters[parameter.Name]; there {
			result.Spec.Arguments.Parameters[i].Value = wfv1.AnyStringPtr(value)
			result.Spec.Arguments.Parameters[i].ValueFrom = nil
		}
		given[parameter.Name] = true
	}
	for name, value := range r.WorkflowParameters {
		if !given[name] {
			extra := wfv1.Parameter{Name: name, Value: wfv1.AnyStringPtr(value)}
			result.Spec.Arguments.Parameters = append(result.Spec.Arguments.Parameters, extra)
		}
	}
	if result.Name == "" {
		result.Name = result.GenerateName + "00000"
	}
	if result.UID == "" {
		result.UID = "00000000-0000-0000-0000-000000000000"
	}
	if result.CreationTimestamp.IsZero() {
		result.CreationTimestamp = metav1.Time{Time: time.Date(2024, 2, 29, 12, 34, 56, 0, time.UTC)}
	}
	return result, nil
}

func (r run) arguments() (result wfv1.Arguments) {
	for name, value := range r.Arguments {
		result.Parameters = append(result.Parameters, wfv1.Parameter{Name: name, Value: wfv1.AnyStringPtr(value)})
	}
	for _, name := range r.Artifacts {
		place := wfv1.ArtifactLocation{S3: &wfv1.S3Artifact{Key: name}}
		result.Artifacts = append(result.Artifacts, wfv1.Artifact{Name: name, ArtifactLocation: place})
	}
	return result
}

// substitutedDefaults: the controller substitutes globals in all of the spec but the templates before it runs any.
func substitutedDefaults(ctx context.Context, workflow *wfv1.Workflow, globals common.Parameters) (*wfv1.Template, error) {
	if workflow.Spec.TemplateDefaults == nil {
		return nil, nil
	}
	text, err := template.Replace(ctx, compact(workflow.Spec.TemplateDefaults), globals, true)
	if err != nil {
		return nil, err
	}
	var result wfv1.Template
	return &result, json.Unmarshal([]byte(text), &result)
}

// typed are the fields that make a template what it is; defaults for other types than its own do not count.
var typed = []string{"container", "containerSet", "script", "resource", "dag", "suspend", "data", "http", "plugin"}

// mergeDefaults puts templateDefaults under a template (`mergedTemplateDefaultsInto` in operator.go).
func mergeDefaults(defaults, target *wfv1.Template) error {
	if defaults == nil {
		return nil
	}
	kind := target.GetType()
	var under map[string]any
	if err := json.Unmarshal([]byte(compact(defaults)), &under); err != nil {
		return err
	}
	for _, name := range typed {
		if !strings.EqualFold(name, string(kind)) {
			delete(under, name)
		}
	}
	merged, err := strategicpatch.StrategicMergePatch([]byte(compact(under)), []byte(compact(target)), wfv1.Template{})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(merged, target); err != nil {
		return err
	}
	target.SetType(kind)
	return nil
}

func compact(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// errReached says that the cache has accepted a key and goes on to the cluster.
var errReached = errors.New("reached the cluster")

type noCluster struct{ kubernetes.Interface }

func (noCluster) CoreV1() corev1.CoreV1Interface { panic(errReached) }

// checked lets Argo's cache look up a key; it refuses what it does not like before it asks the cluster.
func checked(ctx context.Context, key string) (err error) {
	defer func() {
		if problem := recover(); problem != nil && problem != errReached {
			panic(problem)
		}
	}()
	_, err = cache.NewConfigMapCache(defaultNamespace, noCluster{}, "cache").Load(ctx, key)
	return err
}
