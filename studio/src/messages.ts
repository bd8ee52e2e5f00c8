// What the page and the server say to each other: see couler_plugins/studio/messages.py and editing/actions.py.
// A test holds the names of these types and of their fields to the schema of the server.

export type Scalar = string | number | boolean;

export type Comparison = { left: string; op: "==" | "!="; right: Scalar };
export type Reference = { from: string };
export type FieldValue = Scalar | Scalar[] | Record<string, Scalar> | Comparison | null;

export type Input = { name: string; value?: Scalar | Scalar[] | null; from?: string | null };

type Place = { workflow?: number; graph: string };
export type Action = Place &
  (
    | { do: "set"; step: string; field: string; value: FieldValue; container?: string }
    | { do: "pass"; step: string; input: Input }
    | { do: "add"; step: string; use: string; inputs?: Input[]; needs?: string[] }
    | { do: "copy"; step: string; name: string }
    | { do: "rename"; step: string; name: string }
    | { do: "delete"; step: string }
    | { do: "connect"; source: string; target: string }
    | { do: "disconnect"; source: string; target: string }
  );

export type Problem = { message: string; hint: string; file: string; line: number; action: number | null };

export type WorkflowName = { number: number; name: string; kind: string; steps: number };

export type FileEntry = {
  path: string;
  engine: string;
  editable: boolean;
  reason: string;
  workflows: WorkflowName[];
  problem: Problem | null;
};

export type Option = {
  name: string;
  description: string;
  type: string;
  default: string | null;
  choices: string[];
};

export type OptimizerEntry = {
  name: string;
  description: string;
  owner: string;
  before: string[];
  options: Option[];
};

export type CatalogueEntry = {
  name: string;
  description: string;
  group: string;
  tags: string[];
  inputs: Option[];
  outputs: Option[];
};

export type EngineEntry = { name: string; runs: boolean; local: boolean };

export type State = {
  version: string;
  folder: string;
  read_only: boolean;
  pipeline: string;
  generates: boolean;
  history: boolean;
  files: FileEntry[];
  engines: EngineEntry[];
  optimizers: OptimizerEntry[];
  catalogue: CatalogueEntry[];
};

export type Work = {
  path: string;
  base: string;
  actions: Action[];
  pipeline: string;
  workflow: number;
  open: string[];
};

export type Status = "same" | "changed" | "added" | "removed";
export type NodeKind = "step" | "graph" | "external" | "handler" | "barrier";

export type Node = {
  id: string;
  graph: string;
  step: string;
  label: string;
  kind: NodeKind;
  detail: string;
  parent: string;
  x: number;
  y: number;
  width: number;
  height: number;
  status: Status;
  inputs: string[];
  outputs: string[];
};

export type Edge = { source: string; target: string; kind: "order" | "data"; labels: string[] };

export type Picture = { nodes: Node[]; edges: Edge[]; width: number; height: number };

export type Finding = {
  severity: string;
  message: string;
  hint: string;
  line: number;
  node: string;
  code: string;
};

export type Linted = { findings: Finding[] };

export type View = {
  base: string;
  on_disk: string;
  changed: boolean;
  workflows: WorkflowName[];
  picture: Picture;
  graphs: string[];
};

export type FormField = {
  field: string;
  name: string;
  label: string;
  container: string;
  type: "text" | "lines" | "code" | "number" | "pairs" | "comparison" | "items" | "choice" | "value";
  value: FieldValue | Reference;
  choices: string[];
  editable: boolean;
  reason: string;
};

export type StepForm = {
  node: string;
  title: string;
  runs: string;
  shared: string[];
  waits_for: string[];
  fields: FormField[];
  facts: [string, string][];
  source: [number, string][];
  can_delete: string;
  can_rename: string;
};

export type DecisionView = {
  optimizer: string;
  subject: string;
  action: string;
  reason: string;
  figures: [string, string][];
  nodes: string[];
};

export type Optimized = {
  before: Picture;
  after: Picture;
  decisions: DecisionView[];
  costs: [string, string, string][];
  diff: string;
  others: string[];
};

export type Diff = { diff: string; added: number; removed: number; on_disk: string };
export type Saved = { base: string };
export type Digest = { digest: string };
export type Converted = { text: string; differences: [string, string][] };
export type Generated = { text: string; remarks: string[] };

export type RunRequest = { context: string; namespace: string; local: boolean; parameters: Record<string, string> };
export type Phase = "pending" | "running" | "succeeded" | "failed" | "skipped" | "cached";
export type StepState = { step: string; node: string; phase: Phase; message: string; has_log: boolean };
export type RunView = {
  run: string;
  engine: string;
  place: string;
  phase: "pending" | "running" | "succeeded" | "failed";
  message: string;
  steps: StepState[];
  outputs: Record<string, string>;
};
export type Log = { lines: string[]; note: string };
