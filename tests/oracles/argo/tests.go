package main

import (
	"go/ast"
	"strings"
)

// reader follows one test. `current` is the validation that the variable `err` comes from, until the next one.
type reader struct {
	folder  string
	test    string
	known   map[string]value
	beside  []string
	current *found
	cases   []found
}

func (r *reader) block(statements []ast.Stmt) {
	for _, statement := range statements {
		r.statement(statement)
	}
}

func (r *reader) statement(statement ast.Stmt) {
	switch node := statement.(type) {
	case *ast.BlockStmt:
		r.block(node.List)
	case *ast.DeclStmt:
		declare(r.folder, node.Decl, r.known)
	case *ast.AssignStmt:
		r.assign(node)
	case *ast.ExprStmt:
		if call, is := node.X.(*ast.CallExpr); is {
			r.call(call)
		}
	case *ast.RangeStmt:
		r.loop(node)
	default:
		r.forget(statement)
	}
}

func (r *reader) assign(node *ast.AssignStmt) {
	if len(node.Lhs) != 1 || len(node.Rhs) != 1 {
		r.forget(node)
		return
	}
	name, plain := node.Lhs[0].(*ast.Ident)
	if !plain {
		// A field of a document is set: it is no longer what the text says.
		if root := rootOf(node.Lhs[0]); root != "" {
			delete(r.known, root)
		}
		return
	}
	if call, is := node.Rhs[0].(*ast.CallExpr); is && name.Name == "err" {
		r.flush()
		if !r.created(call) {
			r.current = r.validation(call)
		}
		return
	}
	if name.Name == "_" {
		// Deleting a template that was created: it is gone for what follows.
		if call, is := node.Rhs[0].(*ast.CallExpr); is && called(call) == "deleteWorkflowTemplate" {
			r.flush()
			r.beside = nil
		}
		return
	}
	result := evaluate(r.folder, node.Rhs[0], r.known)
	if result.name == "" {
		result.name = name.Name
	}
	if result.text != nil || result.texts != nil {
		r.known[name.Name] = result
	} else {
		delete(r.known, name.Name)
	}
}

// created notes a template that a test puts beside what it validates.
func (r *reader) created(call *ast.CallExpr) bool {
	if name := called(call); name != "createWorkflowTemplateFromSpec" && name != "createWorkflowTemplate" {
		return false
	}
	r.current = nil
	if text := evaluate(r.folder, call.Args[len(call.Args)-1], r.known).text; text != nil {
		r.beside = append(r.beside, *text)
	} else {
		r.beside = append(r.beside, "")
	}
	return true
}

// validated are the kinds whose validation takes a document as its fourth argument; later versions call the function by
// the kind alone.
var validated = map[string]bool{"Workflow": true, "WorkflowTemplate": true, "ClusterWorkflowTemplate": true}

// validation is the case that a call makes; nil where that is not plain.
func (r *reader) validation(call *ast.CallExpr) *found {
	if _, method := call.Fun.(*ast.SelectorExpr); method {
		return nil
	}
	var subject, with ast.Expr
	name := called(call)
	kind := strings.TrimPrefix(name, "Validate")
	switch {
	case name == "validate" && len(call.Args) == 2:
		kind, subject = "Workflow", call.Args[1]
	case name == "validateWorkflowTemplate" && len(call.Args) == 3:
		kind, subject, with = "WorkflowTemplate", call.Args[1], call.Args[2]
	case validated[kind] && len(call.Args) == 6 && isNil(call.Args[4]):
		subject, with = call.Args[3], call.Args[5]
	default:
		return nil
	}
	text := evaluate(r.folder, subject, r.known)
	if text.text == nil {
		return nil
	}
	result := &found{Name: r.test + "/" + text.name, Kind: kind, YAML: *text.text, Beside: append([]string{}, r.beside...)}
	for _, one := range r.beside {
		if one == "" {
			return nil
		}
	}
	if with == nil {
		return result
	}
	options, is := with.(*ast.CompositeLit)
	if !is {
		return nil
	}
	for _, element := range options.Elts {
		pair, is := element.(*ast.KeyValueExpr)
		if !is || !isName(pair.Value, "true") {
			return nil
		}
		switch {
		case isName(pair.Key, "Lint"):
			result.Lint = true
		case isName(pair.Key, "Submit"):
			result.Submit = true
		default:
			return nil
		}
	}
	return result
}

// call reads what a test requires of `err`, and what is in a subtest.
func (r *reader) call(call *ast.CallExpr) {
	function, is := call.Fun.(*ast.SelectorExpr)
	if !is {
		return
	}
	if function.Sel.Name == "Run" && len(call.Args) == 2 {
		if inner, is := call.Args[1].(*ast.FuncLit); is {
			r.flush()
			r.block(inner.Body.List)
		}
		return
	}
	if r.current == nil || len(call.Args) < 2 {
		return
	}
	var text *string
	if len(call.Args) > 2 {
		text = evaluate(r.folder, call.Args[2], r.known).text
	}
	switch about := rootOf(call.Args[1]); {
	case about != "err":
	case function.Sel.Name == "NoError":
		r.expect("ok", nil, false)
	case function.Sel.Name == "Error":
		r.expect("error", nil, false)
	case function.Sel.Name == "ErrorContains" || function.Sel.Name == "Contains":
		r.expect("error", text, false)
	case function.Sel.Name == "EqualError":
		r.expect("error", text, text != nil)
	}
}

func (r *reader) expect(what string, message *string, exact bool) {
	if r.current.Expect != "" && r.current.Expect != what {
		r.current = nil
		return
	}
	r.current.Expect = what
	if r.current.Message == nil {
		r.current.Message, r.current.Exact = message, exact
	}
}

// loop follows a loop over texts, once for each.
func (r *reader) loop(node *ast.RangeStmt) {
	list := evaluate(r.folder, node.X, r.known)
	name, is := node.Value.(*ast.Ident)
	if list.texts == nil || !is {
		r.forget(node)
		return
	}
	for _, one := range list.texts {
		r.known[name.Name] = one
		r.block(node.Body.List)
		r.flush()
	}
}

// flush keeps the current case, if the test said what it expects.
func (r *reader) flush() {
	if r.current != nil && r.current.Expect != "" {
		r.cases = append(r.cases, *r.current)
	}
	r.current = nil
}

// forget is for what is not understood: all that it may have changed is unknown from there on.
func (r *reader) forget(node ast.Node) {
	r.flush()
	ast.Inspect(node, func(inner ast.Node) bool {
		switch part := inner.(type) {
		case *ast.AssignStmt:
			for _, target := range part.Lhs {
				delete(r.known, rootOf(target))
			}
		case *ast.CallExpr:
			if strings.HasPrefix(called(part), "createWorkflowTemplate") {
				r.beside = append(r.beside, "")
			}
		}
		return true
	})
}
