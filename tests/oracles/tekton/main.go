// Tekton's own word on Tekton documents: what its admission webhook says of them.
//
// It reads {"cases": [{"level": "beta", "documents": [...]}]} on standard input and writes {"verdicts": [[...]]}: for each
// document what is wrong with it, empty where it is accepted. See tekton_oracle.py.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/tektoncd/pipeline/pkg/apis/config"
	v1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1alpha1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"
)

type request struct {
	Cases []call `json:"cases"`
}

// call is one set of documents, and the cluster's enable-api-fields.
type call struct {
	Level     string            `json:"level"`
	Documents []json.RawMessage `json:"documents"`
}

type answer struct {
	Verdicts [][]string `json:"verdicts"`
}

type object interface {
	GetObjectMeta() metav1.Object
	apis.Defaultable
	apis.Validatable
}

func main() {
	if err := judge(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func judge(in io.Reader, out io.Writer) error {
	var asked request
	if err := json.NewDecoder(in).Decode(&asked); err != nil {
		return err
	}
	done := answer{Verdicts: make([][]string, len(asked.Cases))}
	for i, one := range asked.Cases {
		ctx, err := cluster(one.Level)
		if err != nil {
			return err
		}
		done.Verdicts[i] = make([]string, len(one.Documents))
		for j, document := range one.Documents {
			done.Verdicts[i][j] = verdict(ctx, document)
		}
	}
	return json.NewEncoder(out).Encode(done)
}

// cluster is how a cluster is set up whose enable-api-fields are these, and that has switched on what needs this level.
func cluster(level string) (context.Context, error) {
	alpha := fmt.Sprint(level == config.AlphaAPIFields)
	flags, err := config.NewFeatureFlagsFromMap(map[string]string{
		"enable-api-fields":              level,
		"enable-cel-in-whenexpression":   alpha,
		"enable-param-enum":              alpha,
		"enable-artifacts":               alpha,
		"enable-concise-resolver-syntax": alpha,
	})
	if err != nil {
		return nil, err
	}
	defaults, err := config.NewDefaultsFromMap(map[string]string{})
	if err != nil {
		return nil, err
	}
	ctx := config.ToContext(context.Background(), &config.Config{Defaults: defaults, FeatureFlags: flags})
	return apis.WithinCreate(ctx), nil
}

func verdict(ctx context.Context, document json.RawMessage) (wrong string) {
	defer func() { // a webhook that panics has not accepted anything
		if panicked := recover(); panicked != nil {
			wrong = fmt.Sprint("panic: ", panicked)
		}
	}()
	made, err := decoded(document)
	if err != nil {
		return "decoding: " + err.Error()
	}
	if made == nil {
		return ""
	}
	made.SetDefaults(ctx)
	if wrong := made.Validate(ctx).Filter(apis.ErrorLevel); wrong != nil {
		return wrong.Error()
	}
	return ""
}

// decoded is the object of a document, decoded as the webhook does it: unknown fields are errors.
func decoded(document json.RawMessage) (object, error) {
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := json.Unmarshal(document, &head); err != nil {
		return nil, err
	}
	var made object
	switch head.APIVersion + "/" + head.Kind {
	case "tekton.dev/v1/Task":
		made = &v1.Task{}
	case "tekton.dev/v1/Pipeline":
		made = &v1.Pipeline{}
	case "tekton.dev/v1/TaskRun":
		made = &v1.TaskRun{}
	case "tekton.dev/v1/PipelineRun":
		made = &v1.PipelineRun{}
	case "tekton.dev/v1beta1/Task":
		made = &v1beta1.Task{}
	case "tekton.dev/v1beta1/Pipeline":
		made = &v1beta1.Pipeline{}
	case "tekton.dev/v1beta1/TaskRun":
		made = &v1beta1.TaskRun{}
	case "tekton.dev/v1beta1/PipelineRun":
		made = &v1beta1.PipelineRun{}
	case "tekton.dev/v1beta1/StepAction":
		made = &v1beta1.StepAction{}
	case "tekton.dev/v1alpha1/StepAction":
		made = &v1alpha1.StepAction{}
	default:
		return nil, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(made); err != nil {
		return nil, err
	}
	// The API server makes the name before it asks the webhook.
	if meta := made.GetObjectMeta(); meta.GetName() == "" && meta.GetGenerateName() != "" {
		meta.SetName(generated(meta.GetGenerateName()))
	}
	return made, nil
}

// generated is a name as the API server makes it, the random end aside.
func generated(prefix string) string {
	const most = 63 - 5
	if len(prefix) > most {
		prefix = prefix[:most]
	}
	return prefix + "abcde"
}
