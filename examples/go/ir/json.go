// Package ir has the workflows of couler-plugins as Go types, and writes them as the JSON that every command reads.
package ir

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Text is a piece of text among references.
type Text string

// Pair is a name with a value, written as a list of the two.
type Pair struct {
	Name  string
	Value Value
}

// MarshalJSON writes a list.
func (pair Pair) MarshalJSON() ([]byte, error) {
	return encode([2]any{pair.Name, pair.Value})
}

// UnmarshalJSON reads a list.
func (pair *Pair) UnmarshalJSON(data []byte) error {
	var parts [2]json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	if err := json.Unmarshal(parts[0], &pair.Name); err != nil {
		return err
	}
	var err error
	pair.Value, err = readValue(parts[1])
	return err
}

// Option is a name with a constant, written as a list of the two.
type Option struct {
	Name  string
	Value any
}

// MarshalJSON writes a list.
func (option Option) MarshalJSON() ([]byte, error) {
	return encode([2]any{option.Name, option.Value})
}

// UnmarshalJSON reads a list.
func (option *Option) UnmarshalJSON(data []byte) error {
	var parts [2]json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	if err := json.Unmarshal(parts[0], &option.Name); err != nil {
		return err
	}
	var err error
	option.Value, err = readScalar(parts[1])
	return err
}

// Marshal writes a workflow byte for byte as couler-plugins does: indented by two, and nothing escaped for HTML.
func Marshal(workflow Workflow) ([]byte, error) {
	compact, err := encode(Envelope{Schema: Schema, Workflow: workflow})
	if err != nil {
		return nil, err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, compact, "", "  "); err != nil {
		return nil, err
	}
	indented.WriteByte('\n')
	return indented.Bytes(), nil
}

// Unmarshal reads a workflow; a field that this version does not know is an error.
func Unmarshal(data []byte) (Workflow, error) {
	var envelope Envelope
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&envelope); err != nil {
		return Workflow{}, err
	}
	if envelope.Schema != Schema {
		return Workflow{}, fmt.Errorf("the schema is %q, this package reads %q", envelope.Schema, Schema)
	}
	return envelope.Workflow, nil
}

// encode is json.Marshal without the escapes for HTML.
func encode(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimRight(buffer.Bytes(), "\n"), nil
}

// tagged writes fields with a tag before them.
func tagged(tag string, fields any) ([]byte, error) {
	body, err := encode(fields)
	if err != nil {
		return nil, err
	}
	start := fmt.Sprintf("{%q:%q", "type", tag)
	if string(body) == "{}" {
		return []byte(start + "}"), nil
	}
	return append([]byte(start+","), body[1:]...), nil
}

func absent(data json.RawMessage) bool {
	return len(data) == 0 || string(data) == "null"
}

func tagOf(data json.RawMessage) string {
	var tag struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(data, &tag); err != nil {
		return ""
	}
	return tag.Type
}

func read[T any](data json.RawMessage) (T, error) {
	var value T
	err := json.Unmarshal(data, &value)
	return value, err
}

func readAll[T any](data json.RawMessage, one func(json.RawMessage) (T, error)) ([]T, error) {
	if absent(data) {
		return nil, nil
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return nil, err
	}
	values := make([]T, len(parts))
	for number, part := range parts {
		value, err := one(part)
		if err != nil {
			return nil, err
		}
		values[number] = value
	}
	return values, nil
}

// readScalar keeps numbers as they are spelled: 1 and 1.0 are two constants.
func readScalar(data json.RawMessage) (any, error) {
	if absent(data) {
		return nil, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	return value, err
}

func unknown(union string, data json.RawMessage) error {
	return fmt.Errorf("%.60s is no %s", data, union)
}
