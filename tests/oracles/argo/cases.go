package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// found is a case that a test holds: a document, what is there beside it, and what the test expects.
type found struct {
	Name    string   `json:"name"`
	Kind    string   `json:"kind"`
	YAML    string   `json:"yaml"`
	Beside  []string `json:"beside"`
	Lint    bool     `json:"lint"`
	Submit  bool     `json:"submit"`
	Expect  string   `json:"expect"`
	Message *string  `json:"message"`
	Exact   bool     `json:"exact"`
}

// extract reads the tests of a package, statement by statement, as far as they say plainly which text is validated and
// what comes of it. What it does not understand makes it forget, never guess.
func extract(folder string) ([]found, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		return nil, err
	}
	sort.Strings(paths)
	var files []*ast.File
	constants := map[string]value{}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
		for _, declaration := range file.Decls {
			declare(folder, declaration, constants)
		}
	}
	result := []found{}
	for _, file := range files {
		for _, declaration := range file.Decls {
			test, is := declaration.(*ast.FuncDecl)
			if !is || test.Recv != nil || !strings.HasPrefix(test.Name.Name, "Test") {
				continue
			}
			known := map[string]value{}
			for name, text := range constants {
				known[name] = text
			}
			reader := &reader{folder: folder, test: test.Name.Name, known: known}
			reader.block(test.Body.List)
			reader.flush()
			result = append(result, reader.cases...)
		}
	}
	return result, nil
}

// value is what a name stands for: a text, several texts, or the document made of a text.
type value struct {
	text  *string
	texts []value
	made  bool   // of `text`, and not changed since
	name  string // of the constant that it comes from
}

func declare(folder string, declaration ast.Decl, known map[string]value) {
	group, is := declaration.(*ast.GenDecl)
	if !is || (group.Tok != token.VAR && group.Tok != token.CONST) {
		return
	}
	for _, spec := range group.Specs {
		names, is := spec.(*ast.ValueSpec)
		if !is || len(names.Names) != len(names.Values) {
			continue
		}
		for i, name := range names.Names {
			if result := evaluate(folder, names.Values[i], known); result.text != nil || result.texts != nil {
				result.name = name.Name
				known[name.Name] = result
			}
		}
	}
}

// evaluate knows literals, their sums, names, lists of these, and conversions to []byte; the rest has no text.
func evaluate(folder string, expression ast.Expr, known map[string]value) value {
	switch node := expression.(type) {
	case *ast.ParenExpr:
		return evaluate(folder, node.X, known)
	case *ast.BasicLit:
		if text, err := strconv.Unquote(node.Value); err == nil && node.Kind == token.STRING {
			return value{text: &text}
		}
	case *ast.Ident:
		return known[node.Name]
	case *ast.BinaryExpr:
		left, right := evaluate(folder, node.X, known), evaluate(folder, node.Y, known)
		if node.Op == token.ADD && left.text != nil && right.text != nil && !left.made && !right.made {
			text := *left.text + *right.text
			return value{text: &text}
		}
	case *ast.CompositeLit:
		list, is := node.Type.(*ast.ArrayType)
		if !is {
			break
		}
		if of, is := list.Elt.(*ast.Ident); !is || of.Name != "string" {
			break
		}
		result := value{texts: []value{}}
		for _, item := range node.Elts {
			one := evaluate(folder, item, known)
			if one.text == nil {
				return value{}
			}
			result.texts = append(result.texts, one)
		}
		return result
	case *ast.CallExpr:
		if _, bytes := node.Fun.(*ast.ArrayType); bytes && len(node.Args) == 1 {
			return evaluate(folder, node.Args[0], known)
		}
		if made[called(node)] && len(node.Args) == 1 {
			return asDocument(folder, evaluate(folder, node.Args[0], known))
		}
	}
	return value{}
}

// made are the functions that make a document of a text.
var made = map[string]bool{
	"unmarshalWf": true, "unmarshalWftmpl": true,
	"MustUnmarshalWorkflow": true, "MustUnmarshalWorkflowTemplate": true,
	"MustUnmarshalClusterWorkflowTemplate": true, "MustUnmarshalCronWorkflow": true,
}

// asDocument is what those functions make of a text, or of the file that it names.
func asDocument(folder string, of value) value {
	if of.text == nil || of.made {
		return value{}
	}
	text := *of.text
	if strings.HasPrefix(text, "@") {
		content, err := os.ReadFile(filepath.Join(folder, text[1:]))
		if err != nil {
			return value{}
		}
		of.name, text = filepath.Base(text), string(content)
	}
	return value{text: &text, made: true, name: of.name}
}

// called is the last word of the function that is called.
func called(call *ast.CallExpr) string {
	switch function := call.Fun.(type) {
	case *ast.Ident:
		return function.Name
	case *ast.SelectorExpr:
		return function.Sel.Name
	}
	return ""
}

// rootOf is the variable that an expression starts from: `wf` in wf.Spec.Templates[0].
func rootOf(expression ast.Expr) string {
	switch node := expression.(type) {
	case *ast.Ident:
		return node.Name
	case *ast.SelectorExpr:
		return rootOf(node.X)
	case *ast.IndexExpr:
		return rootOf(node.X)
	case *ast.StarExpr:
		return rootOf(node.X)
	case *ast.CallExpr:
		return rootOf(node.Fun)
	case *ast.UnaryExpr:
		if node.Op == token.AND {
			return rootOf(node.X)
		}
	}
	return ""
}

func isNil(expression ast.Expr) bool { return isName(expression, "nil") }

func isName(expression ast.Expr, name string) bool {
	found, is := expression.(*ast.Ident)
	return is && found.Name == name
}
