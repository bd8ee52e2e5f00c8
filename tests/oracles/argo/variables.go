package main

import (
	"fmt"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v4/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v4/workflow/common"
)

// globals are the variables of `setGlobalParameters` and `setGlobalRuntimeParameters` in operator.go; of those for
// single letters of the creation time only "s". A parameter that has no value is missing, as is one from a ConfigMap.
func (r run) globals(workflow *wfv1.Workflow) common.Parameters {
	created := workflow.CreationTimestamp
	result := common.Parameters{
		common.GlobalVarWorkflowName:                           workflow.Name,
		common.GlobalVarWorkflowNamespace:                      workflow.Namespace,
		common.GlobalVarWorkflowMainEntrypoint:                 workflow.Spec.Entrypoint,
		common.GlobalVarWorkflowServiceAccountName:             workflow.Spec.ServiceAccountName,
		common.GlobalVarWorkflowUID:                            string(workflow.UID),
		common.GlobalVarWorkflowCreationTimestamp:              created.Format(time.RFC3339),
		common.GlobalVarWorkflowCreationTimestamp + ".RFC3339": created.Format(time.RFC3339),
		common.GlobalVarWorkflowCreationTimestamp + ".s":       fmt.Sprint(created.Unix()),
		common.GlobalVarWorkflowStatus:                         string(wfv1.WorkflowRunning),
		common.GlobalVarWorkflowDuration:                       fmt.Sprintf("%f", 1.5),
	}
	if workflow.Spec.Priority != nil {
		result[common.GlobalVarWorkflowPriority] = fmt.Sprint(*workflow.Spec.Priority)
	}
	parameters := compact(workflow.Spec.Arguments.Parameters)
	result[common.GlobalVarWorkflowParameters], result[common.GlobalVarWorkflowParametersJSON] = parameters, parameters
	for _, parameter := range workflow.Spec.Arguments.Parameters {
		if parameter.Value != nil {
			result["workflow.parameters."+parameter.Name] = parameter.Value.String()
		}
	}
	annotations, labels := compact(workflow.Annotations), compact(workflow.Labels)
	result[common.GlobalVarWorkflowAnnotations], result[common.GlobalVarWorkflowAnnotationsJSON] = annotations, annotations
	result[common.GlobalVarWorkflowLabels], result[common.GlobalVarWorkflowLabelsJSON] = labels, labels
	metadata := workflow.Spec.WorkflowMetadata
	if metadata == nil {
		metadata = &wfv1.WorkflowMetadata{}
	}
	for _, source := range []map[string]string{workflow.Labels, metadata.Labels} {
		for name, value := range source {
			if _, later := metadata.LabelsFrom[name]; !later {
				result["workflow.labels."+name] = value
			}
		}
	}
	for _, source := range []map[string]string{workflow.Annotations, metadata.Annotations} {
		for name, value := range source {
			result["workflow.annotations."+name] = value
		}
	}
	return result.Merge(r.Globals)
}

func (r run) locals(chosen *wfv1.Template) common.Parameters {
	result := common.Parameters{"node.name": "node-name"}
	// A template with retries gets its pod's name only after the cache has been asked.
	if chosen.IsPodType() && chosen.RetryStrategy == nil {
		result[common.LocalVarPodName] = "pod-name"
	}
	return result.Merge(r.Locals)
}
