// KFP's own word on pipelines: what its backend makes of them, by the compiler that its API server uses.
//
//	oracle             reads [{"spec": …, "platform": …}, …] on standard input, writes one answer a pipeline
//	oracle fingerprint reads [{"inputs": …, "image": …, "command": […]}, …], writes what tasks are looked up by
//
// See kfp_oracle.py for what is in requests and answers.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/kubeflow/pipelines/api/v2alpha1/go/pipelinespec"
	"github.com/kubeflow/pipelines/backend/src/apiserver/config/proxy"
	"github.com/kubeflow/pipelines/backend/src/v2/cacheutils"
	"github.com/kubeflow/pipelines/backend/src/v2/compiler/argocompiler"
)

type pipeline struct {
	Spec     json.RawMessage `json:"spec"`
	Platform json.RawMessage `json:"platform"`
}

type answer struct {
	Workflow json.RawMessage `json:"workflow"`
	Error    *string         `json:"error"`
}

func main() {
	do := work
	if len(os.Args) > 1 && os.Args[1] == "fingerprint" {
		do = fingerprint
	}
	if err := do(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func work(in io.Reader, out io.Writer) error {
	var asked []pipeline
	if err := json.NewDecoder(in).Decode(&asked); err != nil {
		return err
	}
	proxy.InitializeConfig("", "", "")
	answers := make([]answer, len(asked))
	for i, one := range asked {
		workflow, err := guarded(one.compile)
		if err != nil {
			text := err.Error()
			answers[i].Error = &text
			continue
		}
		answers[i].Workflow = workflow
	}
	return json.NewEncoder(out).Encode(answers)
}

// compile gives the Workflow as the API server sends it to Kubernetes. What KFP's protos do not know is an error.
func (p pipeline) compile() (json.RawMessage, error) {
	if err := protojson.Unmarshal(p.Spec, &pipelinespec.PipelineSpec{}); err != nil {
		return nil, err
	}
	job := &pipelinespec.PipelineJob{PipelineSpec: &structpb.Struct{}}
	if err := protojson.Unmarshal(p.Spec, job.PipelineSpec); err != nil {
		return nil, err
	}
	var kubernetes *pipelinespec.SinglePlatformSpec
	if len(p.Platform) > 0 && string(p.Platform) != "null" {
		platform := &pipelinespec.PlatformSpec{}
		if err := protojson.Unmarshal(p.Platform, platform); err != nil {
			return nil, err
		}
		kubernetes = platform.Platforms["kubernetes"]
	}
	workflow, err := argocompiler.Compile(job, kubernetes, &argocompiler.Options{})
	if err != nil {
		return nil, err
	}
	return json.Marshal(workflow)
}

// guarded runs what may panic inside KFP, and makes an error of that.
func guarded(what func() (json.RawMessage, error)) (result json.RawMessage, err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("panic: %v", problem)
		}
	}()
	return what()
}

type task struct {
	Inputs  json.RawMessage `json:"inputs"`
	Image   string          `json:"image"`
	Command []string        `json:"command"`
}

// fingerprint gives what the backend's driver looks each task up by. It makes a client that never calls its server.
func fingerprint(in io.Reader, out io.Writer) error {
	var asked []task
	if err := json.NewDecoder(in).Decode(&asked); err != nil {
		return err
	}
	client, err := cacheutils.NewClient("localhost", "1", false, nil)
	if err != nil {
		return err
	}
	answers := make([]string, len(asked))
	for i, one := range asked {
		inputs := &pipelinespec.ExecutorInput_Inputs{}
		if err := protojson.Unmarshal(one.Inputs, inputs); err != nil {
			return err
		}
		key, err := client.GenerateCacheKey(inputs, nil, nil, one.Command, one.Image, nil)
		if err != nil {
			return err
		}
		if answers[i], err = client.GenerateFingerPrint(key); err != nil {
			return err
		}
	}
	return json.NewEncoder(out).Encode(answers)
}
