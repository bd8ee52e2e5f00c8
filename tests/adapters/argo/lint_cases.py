"""Broken manifests for the lint: a comment on a line says what is to be found there.

`#!` an error, `#?` a warning, `#~` a note; then the code and the path, where `~` is the first template's.
"""

from __future__ import annotations

__all__ = ["CASES", "GOOD"]

HEAD = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: a-}
spec:
"""
SPEC = HEAD + "  entrypoint: main\n  templates:\n"
LEAF = "  - {name: leaf, container: {image: alpine}}\n"
TAKES = "  - {name: takes, inputs: {parameters: [{name: p}]}, container: {image: alpine}}\n"
GIVES = """\
  - name: gives
    outputs: {parameters: [{name: o, valueFrom: {path: /o}}]}
    container: {image: alpine}
"""
MAIN = "  - name: main\n    "
RUN = MAIN + "container: {image: alpine}\n"
TASKS = MAIN + "dag:\n      tasks:\n"
STEPS = MAIN + "steps:\n"
CRON = """\
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: a}
spec:
  workflowSpec:
    entrypoint: main
    templates:
    - {name: main, container: {image: alpine}}
"""

CASES: dict[str, str] = {
    "entrypoint": HEAD.replace("spec:", "spec:  #! missing-entrypoint spec") + "  templates: []\n",
    "entrypoint misspelt": HEAD + "  entrypoint: leef  #! unknown-template spec.entrypoint\n  templates:\n" + LEAF,
    "onExit": HEAD + "  entrypoint: main\n  onExit: bye  #! unknown-template spec.onExit\n  templates:\n" + RUN,
    "templates beside a reference": """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: a-}
spec:
  workflowTemplateRef: {name: a}
  templates:  #! templates-beside-reference spec.templates
  - {name: main, suspend: {}}
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: a}
spec:
  entrypoint: main
  templates:
  - {name: main, suspend: {}}
""",
    "names of pods": SPEC
    + """\
  - name: main
    dag:
      tasks:
      - {name: A, template: A}
      - {name: B, template: B}
  - {name: A, container: {image: alpine}}  #? pod-name spec.templates[1].name
  - {name: B, suspend: {}}
""",
    "template names": SPEC
    + RUN
    + """\
  - name: a_b  #! invalid-name spec.templates[1].name
    suspend: {}
  - name: main  #! duplicate-name spec.templates[2].name
    suspend: {}
  - suspend: {}  #! missing-name spec.templates[3]
""",
    "types": SPEC
    + """\
  - name: main  #! missing-type ~
  - name: two  #! several-types spec.templates[1]
    suspend: {}
    container: {image: alpine}
""",
    "wrong type": SPEC + MAIN + "container: [alpine]  #! wrong-type ~.container\n",
    "calls": SPEC
    + STEPS
    + """\
    - - {name: a, template: nowhere}  #! unknown-template ~.steps[0][0].template
    - - {name: b}  #! no-call ~.steps[1][0]
    - - {name: c, template: leaf, when: x, wenn: y}  #! unknown-field ~.steps[2][0].wenn
    - - name: a  #! duplicate-name ~.steps[3][0].name
        template: leaf
"""
    + LEAF,
    "references to workflow templates": SPEC
    + STEPS
    + """\
    - - name: a
        templateRef: {name: far, template: x}  #~ outside-bundle ~.steps[0][0].templateRef
    - - name: b
        templateRef:
          name: near
          template: nowhere  #! unknown-template ~.steps[1][0].templateRef.template
    - - name: c
        template: main  #! no-call ~.steps[2][0].template
        templateRef: {name: near, template: leaf}
    - - name: d
        templateRef: {name: near}  #! no-call ~.steps[3][0].templateRef
    - - name: e
        templateRef: {name: near, template: broken}  #! unresolved-reference ~.steps[4][0].templateRef
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: near}
spec:
  templates:
  - {name: leaf, suspend: {}}
  - name: broken
    container:
      image: "{{workflow.parameters.nowhere}}"
""",
    "two workflow templates of one name": SPEC
    + STEPS
    + """\
    - - name: a
        templateRef: {name: near, template: nobody-knows-which}
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: near}
spec:
  templates:
  - {name: leaf, suspend: {}}
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: near  #! duplicate-library metadata.name
spec:
  templates: []
""",
    "two versions of a workflow template": SPEC
    + STEPS
    + """\
    - - name: a
        templateRef: {name: near, template: leaf}  #~ ambiguous-reference ~.steps[0][0].templateRef
      - name: b
        templateRef: {name: near, template: other}
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: near, labels: {app.kubernetes.io/version: "1.0"}}
spec:
  templates:
  - {name: leaf, suspend: {}}
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: near, labels: {app.kubernetes.io/version: "1.1"}}
spec:
  templates:
  - {name: other, suspend: {}}
""",
    "a cluster's template calls a namespace": """\
apiVersion: argoproj.io/v1alpha1
kind: ClusterWorkflowTemplate
metadata: {name: a}
spec:
  templates:
  - name: main
    steps:
    - - name: a
        templateRef: {name: b, template: c}  #! cluster-calls-namespace ~.steps[0][0].templateRef
""",
    "arguments": SPEC
    + STEPS
    + """\
    - - {name: a, template: takes}  #! missing-argument ~.steps[0][0]
    - - name: b
        template: takes
        arguments:
          parameters:
          - {name: p}  #! missing-value ~.steps[1][0].arguments.parameters[0]
          - {name: q, valueFrom: {path: /q}}  #! value-from ~.steps[1][0].arguments.parameters[1].valueFrom
          - {name: r, value: x, enum: [z]}  #! enum ~.steps[1][0].arguments.parameters[2].value
          artifacts:
          - {name: s}  #! missing-source ~.steps[1][0].arguments.artifacts[0]
"""
    + TAKES,
    "values that are read otherwise": SPEC
    + STEPS
    + """\
    - - name: a
        template: takes
        withItems:
        - {version: "1.20", arch: amd64}
        - {version: 1.20, arch: amd64}  #? reread-value ~.steps[0][0].withItems[1].version
        arguments:
          parameters:
          - {name: p, value: yes}  #? reread-value ~.steps[0][0].arguments.parameters[0].value
"""
    + TAKES,
    "arguments of the workflow": HEAD
    + """\
  entrypoint: takes  #! missing-argument spec.entrypoint
  arguments:
    parameters:
    - {name: p}
    - {name: q}  #? missing-value spec.arguments.parameters[1]
  templates:
"""
    + TAKES,
    "dependencies": SPEC
    + TASKS
    + """\
      - name: a
        template: leaf
        dependencies:
        - nowhere  #! unknown-dependency ~.dag.tasks[0].dependencies[0]
      - name: b
        template: leaf
        dependencies: [c]  #! cycle ~.dag.tasks[1].dependencies
      - {name: c, template: leaf, dependencies: [b]}
"""
    + LEAF,
    "depends": SPEC
    + TASKS
    + """\
      - {name: a, template: leaf}
      - {name: b, template: leaf, depends: a.Done}  #! outcome ~.dag.tasks[1].depends
      - {name: c, template: leaf, depends: a.AllFailed}  #! outcome ~.dag.tasks[2].depends
      - {name: d, template: leaf, depends: a &&}  #? depends-syntax ~.dag.tasks[3].depends
      - name: e
        template: leaf
        dependencies: [a]  #! mixed-dialects ~.dag.tasks[4].dependencies
      - name: f
        template: leaf
        continueOn: {failed: true}  #! continue-on-with-depends ~.dag.tasks[5].continueOn
      - name: 2g  #! digit-name ~.dag.tasks[6].name
        template: leaf
"""
    + LEAF,
    "dag": SPEC
    + """\
  - name: main
    dag:
      target: a b  #! unknown-target ~.dag.target
      tasks: [{name: a, template: empty}]
  - name: empty
    dag: {tasks: []}  #! empty-dag spec.templates[1].dag
""",
    "order of tasks": SPEC
    + TASKS
    + """\
      - {name: a, template: gives}
      - name: b
        template: takes
        arguments:
          parameters:
          - name: p
            value: "{{tasks.a.id}}"  #! reference-order ~.dag.tasks[1].arguments.parameters[0].value
      - name: c
        template: takes
        arguments:
          parameters:
          - name: p
            value: "x{{tasks.a.id}}"  #? reference-order ~.dag.tasks[2].arguments.parameters[0].value
      - name: d
        template: takes
        depends: a
        arguments: {parameters: [{name: p, value: "{{tasks.a.id}}"}]}
"""
    + GIVES
    + TAKES,
    "order of steps": SPEC
    + STEPS
    + """\
    - - name: a
        template: takes
        arguments:
          parameters:
          - name: p
            value: "{{steps.b.id}}"  #! unresolved-reference ~.steps[0][0].arguments.parameters[0].value
      - {name: b, template: gives}
      - name: c
        template: takes
        arguments:
          parameters:
          - name: p
            value: "{{steps.b.id}}"  #? reference-order ~.steps[0][2].arguments.parameters[0].value
    - - name: d
        template: takes
        arguments: {parameters: [{name: p, value: "{{steps.b.id}}"}]}
    - - name: e
        template: takes
        arguments:
          parameters:
          - name: p
            value: "{{steps.b.nothing}}"  #! unresolved-reference ~.steps[2][0].arguments.parameters[0].value
"""
    + GIVES
    + TAKES,
    "references": SPEC
    + """\
  - name: main
    inputs: {parameters: [{name: p, value: x}]}
    container:
      image: alpine
      args:
      - "{{inputs.parameters.p}}"
      - "{{inputs.parameters.q}}"  #! unresolved-reference ~.container.args[1]
      - "{{workflow.name}} {{workflow.nowhere}}"  #! unresolved-reference ~.container.args[2]
      - "{{anything}} {{=inputs.parameters.p}}"
      - "{{=inputs.parameters.q}}"  #? unresolved-reference ~.container.args[4]
      - "{{item"  #? open-tag ~.container.args[5]
""",
    "items": SPEC
    + STEPS
    + """\
    - - name: a
        template: leaf
        withItems: [{x: 1}]
        when: "{{item.x}}"
    - - name: b
        template: leaf
        when: "{{item}}"  #? item-outside-loop ~.steps[1][0].when
    - - name: c
        template: leaf
        withItems: [1]
        withParam: "[1]"  #! loop ~.steps[2][0].withParam
    - - name: d
        template: leaf
        withSequence: {count: 1, end: 2}  #! loop ~.steps[3][0].withSequence
"""
    + LEAF,
    "inline templates, of which Argo looks at the first": SPEC
    + STEPS
    + """\
    - - name: a
        inline:
          container:  #! image ~.steps[0][0].inline.container
            args: []
    - - name: b
        inline:
          container:  #? image ~.steps[1][0].inline.container
            args: []
""",
    "a template that a reference brought": SPEC
    + STEPS
    + """\
    - - {name: a, templateRef: {name: near, template: far}}
    - - {name: b, template: far}  #? unknown-template ~.steps[1][0].template
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: near}
spec: {templates: [{name: far, suspend: {}}]}
""",
    "hooks": SPEC
    + STEPS
    + """\
    - - name: a
        template: leaf
        onExit: nowhere  #? unknown-template ~.steps[0][0].onExit
        hooks:
          running: {template: leaf}  #! hook-expression ~.steps[0][0].hooks.running
"""
    + LEAF,
    "artifacts": SPEC
    + """\
  - name: main
    inputs:
      artifacts:
      - {name: a, optional: true}  #! artifact-path ~.inputs.artifacts[0]
      - name: b
        optional: true
        path: /b
        git: {revision: x}  #! artifact-location ~.inputs.artifacts[1].git
      - name: c
        optional: true
        path: /x/../../c  #! artifact-path ~.inputs.artifacts[2].path
    container: {image: alpine}
""",
    "outputs": SPEC
    + """\
  - name: main
    outputs:
      parameters:
      - {name: a}  #! output-source ~.outputs.parameters[0]
      - {name: b, valueFrom: {parameter: x}}  #! output-source ~.outputs.parameters[1].valueFrom
      - {name: c, valueFrom: {path: /c}, globalName: c d}  #! invalid-name ~.outputs.parameters[2].globalName
    container: {image: alpine}
""",
    "containers": SPEC
    + """\
  - name: main
    container:  #! image ~.container
      volumeMounts:
      - {name: a, mountPath: /a}
      - {name: b, mountPath: /a}  #! mount-path ~.container.volumeMounts[1]
    initContainers:
    - {image: alpine}  #! init-container ~.initContainers[0]
    parallelism: 3  #! parallelism ~.parallelism
    timeout: "30"  #! timeout ~.timeout
    activeDeadlineSeconds: soon  #! deadline ~.activeDeadlineSeconds
    retryStrategy:
      retryPolicy: Perhaps  #! retry-policy ~.retryStrategy.retryPolicy
    memoize:
      key: a_b  #? memoize ~.memoize.key
      maxAge: ""
      cache: {configMap: {name: a}}
  - name: pair
    containerSet:
      containers:
      - name: main
        image: alpine
        dependencies:
        - b  #! container-set spec.templates[1].containerSet.containers[0].dependencies[0]
  - name: plugged
    plugin: {}  #! plugin spec.templates[2].plugin
""",
    "reserved names": SPEC
    + """\
  - name: main
    containerSet:
      containers:
      - {name: main, image: a}
      - {name: supervisor, image: a}  #! reserved-name ~.containerSet.containers[1].name
    sidecars:
    - {name: artifact-plugin-x, image: b}  #! reserved-name ~.sidecars[0].name
""",
    "resources": SPEC
    + """\
  - name: main
    resource:  #! resource ~.resource
      action: create
  - name: second
    resource:
      action: creat  #! resource spec.templates[1].resource.action
      manifest: "a: b"
  - name: third
    resource:
      action: patch
      mergeStrategy: x  #! crd-rule spec.templates[2].resource.mergeStrategy
      manifest: "a: [b"  #! resource spec.templates[2].resource.manifest
""",
    "metrics": SPEC
    + """\
  - name: main
    container: {image: alpine}
    metrics:
      prometheus:
      - name: a-b  #! metric ~.metrics.prometheus[0].name
        help: x
        counter: {value: "1"}
""",
    "pods": HEAD
    + "  entrypoint: main\n  podGC:\n    strategy: Sometimes  #! pod-gc spec.podGC.strategy\n  templates:\n"
    + RUN,
    "spellings of Argo 3": HEAD
    + "  entrypoint: main\n  synchronization:\n    mutex: {name: a}  #! old-spelling spec.synchronization.mutex\n"
    + "  templates:\n"
    + RUN,
    "schedules": CRON
    + """\
  timezone: Europe/Nowhere  #! cron-timezone spec.timezone
  concurrencyPolicy: Perhaps  #! cron-policy spec.concurrencyPolicy
  startingDeadlineSeconds: -1  #! cron-deadline spec.startingDeadlineSeconds
  schedules:
  - 0 0 * * *
  - 61 * * * *  #! cron-schedule spec.schedules[1]
  - "@every 1.5h"  #! crd-rule spec.schedules[2]
""",
    "a schedule of Argo 3": CRON + "  schedule: 0 0 * * *  #! old-spelling spec.schedule\n",
    "no schedule": CRON.replace("spec:\n", "spec:  #! cron-schedule spec\n", 1),
}

GOOD: dict[str, str] = {
    "recursion": SPEC + STEPS + "    - - {name: a, template: main, when: x}\n",
    "names of pods without their template's": HEAD.replace(
        "generateName: a-", "generateName: a-, annotations: {workflows.argoproj.io/pod-name-format: v1}"
    )
    + "  entrypoint: main\n  templates:\n"
    + TASKS
    + "      - {name: a, template: A}\n  - {name: A, container: {image: alpine}}\n",
    "the only pod, which is called like the workflow": SPEC.replace("main", "Main")
    + "  - {name: Main, container: {image: alpine}}\n",
    "a loop's item and outputs": SPEC
    + STEPS
    + """\
    - - {name: a, template: gives, withParam: "[1]"}
    - - {name: b, template: takes, arguments: {parameters: [{name: p, value: "{{steps.a.outputs.parameters}}"}]}}
    - - {name: c, template: takes, withItems: [1], arguments: {parameters: [{name: p, value: "{{item}}"}]}}
"""
    + GIVES
    + TAKES,
    "global outputs": SPEC
    + STEPS
    + """\
    - - {name: a, template: makes}
    - - {name: b, template: reads}
  - name: makes
    outputs: {parameters: [{name: o, globalName: g, valueFrom: {path: /o}}]}
    container: {image: alpine}
  - {name: reads, container: {image: alpine, args: ["{{workflow.outputs.parameters.g}}"]}}
""",
    "names that are known later": """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: a}
spec:
  arguments: {parameters: [{name: later}]}
  templates:
  - name: main
    steps:
    - - name: a
        templateRef: {name: a, template: "{{item}}"}
        withItems: [main]
    - - {name: b, template: takes, arguments: {parameters: [{name: p, value: "{{workflow.parameters.other}}"}]}}
"""
    + TAKES,
    "in a list": """\
apiVersion: v1
kind: List
items:
- apiVersion: argoproj.io/v1alpha1
  kind: CronWorkflow
  metadata: {name: a}
  spec:
    schedules: ["*/5 0-6 1,15 jan-mar ?"]
    timezone: Europe/Berlin
    workflowSpec:
      workflowTemplateRef: {name: b}
- apiVersion: argoproj.io/v1alpha1
  kind: WorkflowTemplate
  metadata: {name: b}
  spec:
    entrypoint: main
    templates:
    - {name: main, suspend: {}}
""",
}
